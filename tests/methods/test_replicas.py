"""A step over two replicas is the step over one."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import tiny_batch, tiny_config, tiny_state
from tfadvseg.methods.phases import plan_epoch
from tfadvseg.training.loop import compile_phase

SGD = {"optimizer": "sgd", "learning_rate": 0.05}
PLAIN = {"s_optimizer": SGD, "d_optimizer": SGD}
"""Moves weights by their gradients: a rule such as Adam's would hide that they are too large."""


def uneven_batch(size: int = 4) -> dict[str, tf.Tensor]:
    """The first half of the batch has few valid pixels, so that means of means would be wrong."""
    batch = tiny_batch(size)
    label = batch["label"].numpy()
    label[: size // 2, :, 3:] = 255
    is_real = np.array([True, True, True, False])
    return batch | {"label": tf.constant(label), "is_real": tf.constant(is_real)}


def run_epoch_on(strategy, config):
    """Scalars of two updates of each phase, and the weights after them."""
    with strategy.scope():
        state = tiny_state(config)
    scalars = []
    for phase in plan_epoch(config, state):
        step = compile_phase(phase, strategy, xla=False)
        dataset = tf.data.Dataset.from_tensors(uneven_batch()).unbatch().batch(4).repeat(2)
        for batch in strategy.experimental_distribute_dataset(dataset):
            scalars.append(tf.nest.map_structure(float, step(batch, tf.constant(0.3))))
    return scalars, [
        variable.numpy()
        for network in state.learners().values()
        for variable in network.model.trainable_variables
    ]


def check_equals_default(config, strategy):
    scalars_1, weights_1 = run_epoch_on(tf.distribute.get_strategy(), config)
    scalars_2, weights_2 = run_epoch_on(strategy, config)
    for one, other in zip(scalars_1, scalars_2, strict=True):
        for name in one:
            np.testing.assert_allclose(
                tf.nest.flatten(one[name]), tf.nest.flatten(other[name]), rtol=2e-3, atol=2e-4
            )
    for one, other in zip(weights_1, weights_2, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("schedule", "discriminator"),
    [
        ("joint", "encoder"),
        pytest.param("joint", "patch", marks=pytest.mark.slow),
        ("alternating", "patch"),
    ],
)
def test_two_replicas_equal_one(schedule, discriminator, two_replicas):
    config = tiny_config(
        method={"schedule": schedule, "compare": True},
        discriminator={"discriminator": discriminator},
        **PLAIN,
    )
    check_equals_default(config, two_replicas)


def test_two_replicas_of_segnet_equal_one(two_replicas):
    """Its unpooling goes by places that each replica finds, after batch norm over both."""
    config = tiny_config(
        method={"method": "supervised"},
        segmenter={"segmenter": "segnet", "stage_convolutions": (1, 1)},
        **PLAIN,
    )
    check_equals_default(config, two_replicas)
