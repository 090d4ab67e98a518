"""The same numbers as the published PyTorch code, from weights and inputs made by a rule."""

import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tests.interop.state_dicts import random_state_dict
from tests.methods.adaptation_testing import adaptation_step, learner
from tfadvseg.interop.tensor_files import write_tensors
from tfadvseg.interop.weights import restore
from tfadvseg.methods.adaptation import AdaptationLosses
from tfadvseg.models.deeplab_v2 import deeplab_v2
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.models.multi_level import PUBLISHED_BRANCHES
from tfadvseg.training.schedules import poly
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD

pytestmark = pytest.mark.needs_shared_data

# Far below the required accuracy (1e-4, later 1e-3), to detect a wrong update rule: a body with
# three times the learning rate would differ by 2e-4 after three updates.
TOLERANCE = 5e-5

COLUMNS = ("aux_loss_seg", "loss_seg", "aux_loss_adv", "loss_adv", "aux_loss_d", "loss_d")


def assert_equals(name: str, got, expected) -> None:
    """The largest difference, relative to the largest value, is small; `pytest -s` shows it."""
    difference = float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())
    print(f"{name}: {difference:.1e}")
    assert difference < TOLERANCE, name


def generator(name: str, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"{name}/{index}".encode())))


def image(name: str, index: int, batch: int, size: list[int]) -> tf.Tensor:
    values = generator(name, index).uniform(-1.2, 1.35, (batch, 3, *size))
    return tf.constant(values.transpose(0, 2, 3, 1), tf.float32)


def label(index: int, batch: int, size: list[int]) -> tf.Tensor:
    random = generator("label", index)
    values = random.integers(0, 19, (batch, *size))
    values[random.uniform(size=values.shape) < 0.1] = 255
    return tf.constant(values, tf.int32)


@pytest.fixture(scope="module")
def reference():
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    settings = json.loads((folder / "adaptsegnet_multi_vanilla.json").read_text())
    with np.load(folder / "adaptsegnet_multi_vanilla.npz") as arrays:
        return settings, dict(arrays)


@pytest.fixture(scope="module")
def networks(reference, tmp_path_factory):
    """S and both Ds with the reference's weights, through a file and the converter."""
    settings, _ = reference
    path = tmp_path_factory.mktemp("weights") / "state_dict.safetensors"

    def restored(model, spec, salt):
        write_tensors(path, random_state_dict(spec, salt))
        restore(model, path)
        return model

    segmenter = deeplab_v2(3, 19, tuple(settings["layers"]), branches=PUBLISHED_BRANCHES)
    return restored(segmenter, settings["segmenter"], ""), [
        restored(fc_discriminator(19), settings["discriminator"], salt) for salt in ("D1/", "D2/")
    ]


def evaluation(networks, settings) -> dict[str, np.ndarray]:
    segmenter, judges = networks
    images = image("eval", 0, settings["batch"], settings["source_size"])
    level1, level2 = segmenter.level_logits(images, training=False)
    upsampled = segmenter(images, training=False)
    return {
        "logits_level1": level1.numpy(),
        "logits_level2": level2.numpy(),
        "upsampled_level2": upsampled.numpy(),
        "D2_logits": judges[1](tf.nn.softmax(upsampled), training=False).numpy(),
    }


def test_evaluation_losses_and_evaluation_after_training(reference, networks):
    settings, expected = reference
    for name, values in evaluation(networks, settings).items():
        assert_equals(f"evaluation, {name}", values, expected[f"eval_{name}"])

    assert settings["power"] == 0.9

    def rate(first):
        return poly(first, settings["num_steps"])

    model = networks[0]
    segmenter = learner(
        model,
        TorchSGD(
            rate(settings["lr"]),
            settings["momentum"],
            settings["weight_decay"],
            factors=[(model.classifier_variables(), 10.0)],
        ),
    )
    betas = settings["adam_betas"]
    judges = [learner(judge, TorchAdam(rate(settings["lr_D"]), *betas)) for judge in networks[1]]
    losses = AdaptationLosses((settings["lambda_seg"], 1.0), tuple(settings["lambda_adv"]))
    step = tf.function(
        lambda batches: adaptation_step(segmenter, judges, batches, losses), autograph=False
    )
    for iteration, row in enumerate(expected["losses"]):
        batch, size = settings["batch"], settings["source_size"]
        scalars = step(
            [
                {
                    "source_image": image("source", iteration, batch, size),
                    "source_label": label(iteration, batch, size),
                    "target_image": image("target", iteration, batch, settings["target_size"]),
                }
            ]
        )
        for name, value in zip(COLUMNS, row, strict=True):
            assert_equals(f"iteration {iteration + 1}, {name}", scalars[name], value)

    final = evaluation(networks, settings)
    for name in ("logits_level2", "D2_logits"):
        assert_equals(f"after training, {name}", final[name], expected[f"final_{name}"])
