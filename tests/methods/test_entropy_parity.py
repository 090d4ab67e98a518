"""AdvEnt and MinEnt against the numbers of the published code (valeoai/ADVENT)."""

import json
import zlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tests.interop.state_dicts import random_state_dict
from tests.methods.adaptation_testing import adaptation_step, by_quantity, learner
from tfadvseg.interop.tensor_files import write_tensors
from tfadvseg.interop.weights import restore
from tfadvseg.losses.entropy import self_information
from tfadvseg.methods.adaptation import AdaptationLosses
from tfadvseg.methods.minent import EntropyLosses, minent_step
from tfadvseg.models.deeplab_v2 import deeplab_v2
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.training.schedules import poly
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD
from tfadvseg.training.types import Batch

pytestmark = pytest.mark.needs_shared_data

Reference = tuple[dict[str, Any], dict[str, np.ndarray]]


def reference(name: str) -> Reference:
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    with np.load(folder / f"{name}.npz") as arrays:
        return json.loads((folder / f"{name}.json").read_text()), dict(arrays)


def generator(settings: dict[str, Any], name: str, index: int) -> np.random.Generator:
    seed = zlib.crc32(f"{settings['tag']}{name}/{index}".encode())
    return np.random.Generator(np.random.PCG64(seed))


def images(settings: dict[str, Any], name: str, index: int, size: list[int]) -> tf.Tensor:
    drawn = generator(settings, name, index).uniform(-1.2, 1.35, (settings["batch"], 3, *size))
    return tf.constant(drawn.astype(np.float32).transpose(0, 2, 3, 1))


def batches(settings: dict[str, Any], index: int) -> list[Batch]:
    source, target = settings["source_size"], settings["target_size"]
    drawn = generator(settings, "label", index)
    label = drawn.integers(0, settings["num_classes"], (settings["batch"], *source))
    label[drawn.uniform(size=label.shape) < settings["label_ignore"]] = 255
    return [
        {
            "source_image": images(settings, "source", index, source),
            "source_label": tf.constant(label, tf.int32),
            "target_image": images(settings, "target", index, target),
        }
    ]


def rate(
    settings: dict[str, Any], first: float
) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    return poly(first, settings["num_steps"])


def segmenter(settings: dict[str, Any], folder) -> Learner:
    model = restored(
        deeplab_v2(3, 19, tuple(settings["layers"])), settings["segmenter"], "", folder
    )
    optimizer = TorchSGD(
        poly(settings["lr"], settings["num_steps"]),
        settings["momentum"],
        settings["weight_decay"],
        factors=[(model.classifier_variables(), 10.0)],
    )
    return learner(model, optimizer)


def restored(model: tf.keras.Model, spec: list, salt: str, folder) -> tf.keras.Model:
    path = folder / "state_dict.safetensors"
    tensors = random_state_dict(spec, salt)
    write_tensors(path, {_as_adaptsegnet(key): value for key, value in tensors.items()})
    restore(model, path)
    return model


def _as_adaptsegnet(key: str) -> str:
    """AdaptSegNet's key of an entry of ADVENT's discriminator, a plain Sequential."""
    layers = {"0": "conv1", "2": "conv2", "4": "conv3", "6": "conv4", "8": "classifier"}
    layer, _, rest = key.partition(".")
    return f"{layers.get(layer, layer)}.{rest}"


def assert_equals(what: str, got, expected, tolerance: float) -> None:
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    error = np.abs(got - expected).max() / np.abs(expected).max()
    print(f"{what}: {error:.1e}")
    assert error < tolerance, what


def check_losses(settings, expected, step, columns: list[str]) -> None:
    """First losses within 1e-4, later ones within 1e-3, relative."""
    for iteration, row in enumerate(expected["losses"]):
        scalars = step(batches(settings, iteration))
        wanted = dict(zip(settings["losses_columns"], row, strict=True))
        for column in columns:
            kind, level = column.split("_level")
            name = ("aux_" if level == "1" else "") + f"loss_{NAMES[kind]}"
            tolerance = 1e-4 if not iteration else 1e-3
            assert_equals(f"{iteration} {column}", scalars[name], wanted[column], tolerance)


NAMES = {"seg": "seg", "adv": "adv", "D": "d", "ent": "entropy"}


@pytest.mark.slow
def test_advent_equals_the_published_code(tmp_path):
    settings, expected = reference("advent_multi")
    s = segmenter(settings, tmp_path)
    levels = zip(
        ("level1", "level2"), s.model.level_logits(eval_image(settings), False), strict=True
    )
    for level, logits in levels:
        assert_equals(level, logits, expected[f"eval_logits_{level}"], 1e-4)
    discriminators = [
        learner(
            restored(fc_discriminator(19), settings["discriminator"], salt, tmp_path),
            TorchAdam(poly(settings["lr_D"], settings["num_steps"]), *settings["adam_betas"]),
        )
        for salt in settings["salts"]["discriminators"].values()
    ]
    losses = AdaptationLosses(
        (settings["lambda_seg"], 1.0), tuple(settings["lambda_adv"]), d_input=self_information
    )
    step = tf.function(
        lambda given: adaptation_step(s, discriminators, given, losses), autograph=False
    )
    check_losses(settings, expected, step, settings["losses_columns"][:6])
    assert_final(settings, expected, s)


@pytest.mark.slow
def test_minent_equals_the_published_code(tmp_path):
    settings, expected = reference("minent_multi")
    s = segmenter(settings, tmp_path)
    losses = EntropyLosses((settings["lambda_seg"], 1.0), tuple(settings["lambda_ent"]))
    step = tf.function(lambda given: by_quantity(minent_step(s, given, losses)), autograph=False)
    check_losses(settings, expected, step, settings["losses_columns"])
    assert_final(settings, expected, s)


def eval_image(settings: dict[str, Any]) -> tf.Tensor:
    return images(settings, "eval", 0, settings["source_size"])


def assert_final(settings: dict[str, Any], expected: dict[str, np.ndarray], s: Learner) -> None:
    for level, logits in enumerate(s.model.level_logits(eval_image(settings), False), start=1):
        # The published code lists the body's parameters three to four times in its optimizer, which
        # thereby moves them as often in each step; ours moves them once.
        assert_equals(f"final {level}", logits, expected[f"final_logits_level{level}"], 1e-3)
