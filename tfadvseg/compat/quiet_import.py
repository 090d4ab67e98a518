"""The import of a TensorFlow from 2.16 on, without the notices of its C++ side.

It prints them while it is imported, before it reads TF_CPP_MIN_LOG_LEVEL.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType

from tfadvseg.compat.legacy_keras import needs_tf_keras
from tfadvseg.compat.quiet_stderr import quiet_stderr

_NOTICE = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog")


def quieten_import() -> None:
    """Makes `import tensorflow` quiet; call it before that. Warnings and errors are still printed.

    Where TF_CPP_MIN_LOG_LEVEL is 0, notices are printed, too.
    """
    asked_for = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0"
    if needs_tf_keras() and not asked_for and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds TensorFlow once, and loads it as its own loader does."""

    _loader: importlib.abc.Loader

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        with quiet_stderr(_NOTICE.match):
            self._loader.exec_module(module)
