"""Keras 2 on a TensorFlow that has Keras 3, without either: packages made here stand for them."""

import importlib
import os
import sys

import pytest

from tfadvseg.compat import legacy_keras
from tfadvseg.compat.legacy_keras import (
    choose_keras_2,
    keras_answered_by_tf_keras,
    needs_tf_keras,
    tensorflow_version,
)


@pytest.fixture
def tensorflow_of(monkeypatch):
    """Makes another version of TensorFlow look installed."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "")

    def pretend(version: tuple[int, int]) -> None:
        monkeypatch.setattr(legacy_keras, "tensorflow_version", lambda: version)

    return pretend


def test_version_is_read_without_an_import():
    import tensorflow as tf

    assert tensorflow_version() == tuple(map(int, tf.__version__.split(".")[:2]))


def test_tensorflow_2_15_stays_as_it_is(tensorflow_of):
    tensorflow_of((2, 15))
    assert not needs_tf_keras()
    choose_keras_2()
    assert os.environ["TF_USE_LEGACY_KERAS"] == ""
    before = list(sys.meta_path)
    with keras_answered_by_tf_keras():
        assert sys.meta_path == before


def test_later_versions_are_set_to_keras_2(tensorflow_of, monkeypatch):
    tensorflow_of((2, 21))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    choose_keras_2()
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"tf_keras.*tf-newest"):
        choose_keras_2()


def test_keras_is_answered_by_tf_keras_within_the_block_alone(tensorflow_of, monkeypatch, tmp_path):
    for package, parts in (("tf_keras", ("src", "engine")), ("keras", ("src",))):
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").write_text(f"name = {package!r}\n")
        for part in parts:
            folder = folder / part
            folder.mkdir()
            (folder / "__init__.py").write_text("")
    (tmp_path / "tf_keras/src/engine/keras_tensor.py").write_text("value = 2\n")
    real = {
        name: m for name, m in sys.modules.items() if name.split(".")[0] in ("keras", "tf_keras")
    }
    for name in real:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    tensorflow_of((2, 21))
    own = importlib.import_module("keras")
    try:
        with keras_answered_by_tf_keras():
            inside = importlib.import_module("keras.src.engine.keras_tensor")
            assert importlib.import_module("keras").name == "tf_keras"
        assert inside.value == 2
        assert inside is importlib.import_module("tf_keras.src.engine.keras_tensor")
        assert inside.__spec__.name == "tf_keras.src.engine.keras_tensor"
        assert importlib.import_module("keras") is own
        with pytest.raises(ImportError):
            importlib.import_module("keras.src.engine")
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] in ("keras", "tf_keras")]:
            del sys.modules[name]
