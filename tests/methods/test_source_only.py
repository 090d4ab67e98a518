"""Training on the source alone: by itself, and with --compare next to an adaptation."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, parse, phases_of, values_of
from tfadvseg.config import Config
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.methods.building import build_state
from tfadvseg.run.loading import load_domains
from tfadvseg.training.state import Builder, TrainState
from tfadvseg.training.types import Batch

STREETS_GAME = descriptor_of("streets_game")

SMALL = (
    "--dataset=streets_game",
    "--train_split=train[:2]",
    "--target_dataset=streets_camera",
    "--target_val_split=validation[:1]",
    "--segmenter=deeplab_v2",
    "--blocks=1,1,1,1",
    "--width=4",
    "--s_optimizer=sgd",
    "--s_learning_rate=0.01",
    "--iter_size=2",
    "--steps_per_epoch=2",
)


def batches() -> list[Batch]:
    """Two, each with two rounds of two windows; target windows have another size."""
    generator = np.random.default_rng(0)

    def noise(height: int, width: int) -> tf.Tensor:
        return tf.constant(generator.normal(size=(4, height, width, 3)), tf.float32)

    return [
        {
            "source_image": noise(32, 40),
            "source_label": tf.constant(generator.integers(0, 19, (4, 32, 40)), tf.int32),
            "target_image": noise(40, 32),
        }
        for _ in range(2)
    ]


def trained(config: Config, given: list[Batch]) -> TrainState:
    """After an update with each batch; not compiled, which takes longer than that."""
    tf.keras.utils.set_random_seed(1)
    state = build_state(Builder(config, STREETS_GAME))
    (phase,) = phases_of(config, state)
    for batch in given:
        phase.step(batch, {"lambda_adv": tf.constant(0.001)})
    return state


@pytest.mark.slow
def test_the_network_beside_an_adaptation_is_the_one_that_never_sees_the_target():
    given = batches()
    of_source = [
        {name: tensor for name, tensor in batch.items() if name != "target_image"}
        for batch in given
    ]
    beside = trained(parse(*SMALL, "--method=adaptation", "--compare", "--d_width=2"), given)
    alone = trained(parse(*SMALL, "--method=source_only"), of_source)
    standard, segmenter = (
        values_of(beside.learners["standard"].model),
        values_of(alone.segmenter.model),
    )
    for one, other in zip(standard, segmenter, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert changed(standard, values_of(beside.segmenter.model))


def test_images_of_the_target_are_not_loaded():
    splits, images = load_domains(parse(*SMALL, "--method=source_only"))
    assert images is None
    assert splits.train.keys == ("train-0000", "train-0001")
    assert splits.val.keys == ("validation-0000",)
