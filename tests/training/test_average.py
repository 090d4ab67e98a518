"""The moving average of a network's weights."""

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import phases_of, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.training.loop import compile_phase

SGD = {"optimizer": "sgd", "learning_rate": 0.05}
# Over one replica the moving variance is unbiased, over two it is not; a slow one differs less.
SLOW = {"batch_norm_momentum": 0.99}
CONFIG = tiny_config(
    method={"method": "supervised"}, run={"ema": 0.5}, s_optimizer=SGD, segmenter=SLOW
)


def train(strategy: tf.distribute.Strategy, updates: int):
    """The weights after each update, and the learner."""
    with strategy.scope():
        state = tiny_state(CONFIG)
    (phase,) = phases_of(CONFIG, state)
    step = compile_phase(phase, strategy, xla=False)
    dataset = tf.data.Dataset.from_tensors(tiny_batch()).unbatch().batch(4).repeat(updates)
    history = [values_of(state.segmenter.model)]
    for batch in strategy.experimental_distribute_dataset(dataset):
        step(batch, tf.constant(0.0))
        history.append(values_of(state.segmenter.model))
    return history, state.segmenter


def test_the_average_follows_all_weights_and_is_what_is_measured():
    history, learner = train(tf.distribute.get_strategy(), 5)
    expected = history[0]
    for update, weights in enumerate(history[1:], start=1):
        decay = min(0.5, (1 + update) / (10 + update))
        expected = [decay * e + (1 - decay) * w for e, w in zip(expected, weights, strict=True)]
    assert learner.evaluated is learner.averaged
    names = [weight.name for weight in learner.averaged.weights]
    assert any("moving_variance" in name for name in names)
    for name, value, target in zip(names, values_of(learner.averaged), expected, strict=True):
        np.testing.assert_allclose(value, target, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_two_replicas_keep_the_same_average_as_one(two_replicas):
    _, one = train(tf.distribute.get_strategy(), 2)
    _, two = train(two_replicas, 2)
    for weight, other in zip(one.averaged.weights, two.averaged.weights, strict=True):
        relative = 5e-3 if "moving_variance" in weight.name else 0
        np.testing.assert_allclose(weight, other, rtol=relative, atol=1e-5, err_msg=weight.name)
    for weight in two.averaged.weights:
        first, second = two_replicas.experimental_local_results(weight)
        np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_it_is_part_of_the_checkpoint(tmp_path):
    _, learner = train(tf.distribute.get_strategy(), 2)
    path = tf.train.Checkpoint(segmenter=learner).write(str(tmp_path / "ckpt"))
    other = tiny_state(CONFIG, seed=2).segmenter
    tf.train.Checkpoint(segmenter=other).read(path).assert_consumed()
    for a, b in zip(values_of(learner.averaged), values_of(other.averaged), strict=True):
        np.testing.assert_array_equal(a, b)
