"""Reference numbers of published PyTorch code, and the inputs that their rule makes."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tfadvseg.training.state import Learner

LOSSES, LATER = 1e-4, 1e-3
"""What is asked of losses, and of what is computed after training."""


def read_reference(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """The settings and arrays of a reference pack; skips where it is absent."""
    folder: Path = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    settings = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz") as arrays:
        return settings, dict(arrays)


def bound(settings: dict, quantity: str, least: float) -> float:
    """Ten times the reference's own spread, at least `least`."""
    spreads = [settings[kind].get(quantity, 0.0) for kind in settings if kind in _SPREADS]
    return max(least, 10 * max(spreads))


_SPREADS = ("spread", "spread_float64", "spread_perturbed")


def assert_equals(name: str, got: object, expected: np.ndarray, tolerance: float) -> None:
    """The largest difference, relative to the largest value, is small; `pytest -s` shows it."""
    difference = float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())
    print(f"{name}: {difference:.1e}")
    assert difference < tolerance, f"{name}: {difference:.1e}"


def record_gradients(learner: Learner) -> dict[str, tf.Tensor]:
    """The L2 norms of the gradients that a step applies, by variable, once it is traced."""
    norms, apply = {}, learner.apply

    def recording(gradients: list[tf.Tensor]) -> None:
        pairs = zip(learner.model.trainable_variables, gradients, strict=True)
        norms.update({variable.ref(): tf.norm(gradient) for variable, gradient in pairs})
        apply(gradients)

    learner.apply = recording
    return norms


def generator(tag: str, name: str, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"{tag}{name}/{index}".encode())))


def image(
    tag: str, name: str, index: int, batch: int, size: list[int], channels: int = 3
) -> tf.Tensor:
    """[batch,*size,channels] float32."""
    values = generator(tag, name, index).uniform(-1.2, 1.35, (batch, channels, *size))
    return tf.constant(values.transpose(0, 2, 3, 1), tf.float32)


def label(
    tag: str, name: str, index: int, batch: int, size: list[int], classes: int, ignored: float = 0
) -> tf.Tensor:
    """[batch,*size] int32, a share `ignored` of which is 255."""
    random = generator(tag, name, index)
    values = random.integers(0, classes, (batch, *size))
    if ignored:
        values[random.uniform(size=values.shape) < ignored] = 255
    return tf.constant(values, tf.int32)


def few_label_batch(settings: dict, index: int) -> dict[str, tf.Tensor]:
    """The images with labels and those without of iteration `index`."""
    tag, count, size = settings["tag"], settings["batch"], settings["source_size"]
    channels, others = settings.get("channels", 3), settings.get("target_size", size)
    classes, ignored = settings["num_classes"], settings.get("label_ignore", 0)
    return {
        "image": image(tag, "source", index, count, size, channels),
        "label": label(tag, "label", index, count, size, classes, ignored),
        "unlabelled_image": image(
            tag, "target", index, settings["batch_unlabelled"], others, channels
        ),
    }
