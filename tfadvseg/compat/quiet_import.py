"""The import of a TensorFlow from 2.16 on, without the notices of its C++ side.

It prints them while it is imported, before it reads TF_CPP_MIN_LOG_LEVEL.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from tfadvseg.compat.legacy_keras import needs_tf_keras

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
        with _without_notices():
            self._loader.exec_module(module)


@contextmanager
def _without_notices() -> Iterator[None]:
    """Holds back what is written to standard error, and then writes all of it but notices."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not _NOTICE.match(line):
                    os.write(2, line)
