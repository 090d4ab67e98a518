"""A step on two replicas equals a step on one."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import phases_of, tiny_batch, tiny_config, tiny_state
from tfadvseg.config import WeightSchedule
from tfadvseg.training.loop import compile_phase

SGD = {"optimizer": "sgd", "learning_rate": 0.05}
PLAIN = {
    "s_optimizer": SGD,
    "d_optimizer": SGD,
    "segmenter": {"batch_norm_momentum": 0.99},
}
"""Moves weights by their gradients: a rule such as Adam's would hide that they are too large. With
this momentum two updates keep most of the moving variance, which one replica alone unbiases."""


def uneven_batch(size: int = 4) -> dict[str, tf.Tensor]:
    """The first half of the batch has few valid pixels, so that means of means would be wrong."""
    batch = tiny_batch(size)
    label = batch["label"].numpy()
    label[: size // 2, :, 3:] = 255
    is_real = np.arange(size) < 3
    return batch | {"label": tf.constant(label), "is_real": tf.constant(is_real)}


def batch_of_domains(size: int) -> dict[str, tf.Tensor]:
    source, target = uneven_batch(size), tiny_batch(size, seed=1)
    return {
        "source_image": source["image"],
        "source_label": source["label"],
        "target_image": 2 * target["image"],
    }


def run_epoch_on(strategy, config, batch):
    """Scalars of two updates of each phase, and all weights after them."""
    with strategy.scope():
        state = tiny_state(config)
    scalars = []
    name = "lambda_adv_ratio" if config.method.balances else "lambda_adv"
    weights = {name: tf.constant(0.3)}
    for phase in phases_of(config, state):
        step = compile_phase(phase, strategy, xla=False)
        size = len(next(iter(batch.values())))
        dataset = tf.data.Dataset.from_tensors(batch).unbatch().batch(size).repeat(2)
        for parts in strategy.experimental_distribute_dataset(dataset):
            scalars.append(tf.nest.map_structure(float, step(parts, weights)))
    return scalars, {
        f"{name}/{weight.name}": weight.numpy()
        for name, network in state.learners.items()
        for weight in network.model.weights
    }


def check_equals_default(config, strategy, batch):
    scalars_1, weights_1 = run_epoch_on(tf.distribute.get_strategy(), config, batch)
    scalars_2, weights_2 = run_epoch_on(strategy, config, batch)
    for one, other in zip(scalars_1, scalars_2, strict=True):
        for name in one:
            np.testing.assert_allclose(
                tf.nest.flatten(one[name]), tf.nest.flatten(other[name]), rtol=2e-3, atol=2e-4
            )
    for name, weight in weights_1.items():
        # Over one replica the moving variance is unbiased.
        relative = 5e-3 if "moving_variance" in name else 0
        np.testing.assert_allclose(weight, weights_2[name], rtol=relative, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("schedule", "discriminator"),
    [
        ("joint", "patch"),
        pytest.param("alternating", "encoder", marks=pytest.mark.slow),
        pytest.param("joint", "encoder", marks=pytest.mark.slow),
        pytest.param("alternating", "patch", marks=pytest.mark.slow),
    ],
)
def test_two_replicas_equal_one(schedule, discriminator, two_replicas):
    config = tiny_config(
        method={
            "schedule": schedule,
            "compare": ("standard",) if schedule == "alternating" else (),
        },
        discriminator={"discriminator": discriminator},
        **PLAIN,
    )
    check_equals_default(config, two_replicas, uneven_batch())


@pytest.mark.slow
def test_two_replicas_accumulate_the_same_batches_as_one(two_replicas):
    config = tiny_config(
        method={"method": "adaptation", "iter_size": 2},
        target={"dataset": "cells"},
        **PLAIN,
    )
    check_equals_default(config, two_replicas, batch_of_domains(8))


@pytest.mark.slow
def test_two_replicas_agree_on_means_of_sides_balanced_weights_and_penalties(two_replicas):
    config = tiny_config(
        method={
            "gan": "relativistic",
            "lambda_adv": WeightSchedule(((0, 0.3),), ratio=True),
        },
        discriminator={"d_r1": 1.0, "d_r1_every": 2},
        **PLAIN,
    )
    check_equals_default(config, two_replicas, uneven_batch())


@pytest.mark.slow
def test_two_replicas_of_segnet_equal_one(two_replicas):
    """Each replica finds its pooling positions after batch norm over both replicas."""
    config = tiny_config(
        method={"method": "supervised"},
        segmenter={"segmenter": "segnet", "stage_convolutions": (1, 1)},
        s_optimizer=SGD,
    )
    check_equals_default(config, two_replicas, uneven_batch())
