"""Keras 2 on TensorFlow 2.16 and later, where it lives in a package of its own, `tf_keras`.

Imports nothing but the standard library: what TensorFlow does is decided before its import.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from types import ModuleType

_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tf-nightly")
_LAST_WITH_KERAS_2 = (2, 15)


def tensorflow_version() -> tuple[int, int] | None:
    """(major, minor) of the installed TensorFlow, without importing it; None if there is none."""
    for name in _DISTRIBUTIONS:
        try:
            major, minor = metadata.version(name).split(".")[:2]
        except metadata.PackageNotFoundError:
            continue
        return int(major), int(minor)
    return None


def needs_tf_keras() -> bool:
    """Whether the installed TensorFlow has Keras 3 for its own."""
    version = tensorflow_version()
    return version is not None and version > _LAST_WITH_KERAS_2


def choose_keras_2() -> None:
    """Makes `tf.keras` Keras 2, which it stays for the process. Call it before TensorFlow's import.

    Raises:
        ImportError: this TensorFlow needs the package tf_keras for that, which is absent.
    """
    if not needs_tf_keras():
        return
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    if importlib.util.find_spec("tf_keras") is None:
        raise ImportError(
            "TensorFlow 2.16 and later have Keras 2 in the package tf_keras; install tfadvseg with "
            "`pip install -c constraints-newest.txt '.[tf-newest]'`."
        )


@contextmanager
def keras_answered_by_tf_keras() -> Iterator[None]:
    """Within the block, `import keras...` gives `tf_keras...` where TensorFlow has Keras 3.

    TensorFlow Addons imports `keras.src.engine` and others, which Keras 3 does not have.
    """
    if not needs_tf_keras():
        yield
        return
    kept = {name: module for name, module in sys.modules.items() if _is_keras(name)}
    for name in kept:
        del sys.modules[name]
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_keras(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


def _is_keras(name: str) -> bool:
    return name == "keras" or name.startswith("keras.")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds, and loads, `keras...` as `tf_keras...`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if _is_keras(name) else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"tf_{spec.name}")
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import put its own in place; the module goes on under the name it has.
        module.__spec__ = self._spec
