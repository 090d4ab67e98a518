"""PyTorch's update rules, compared with a transcription and, if installed, with PyTorch."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.training.schedules import poly
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD

UPDATES = 10
RATE = 0.05


def rates(updates: int = UPDATES) -> list[float]:
    """The poly schedule down to nearly zero."""
    return [RATE * (1 - update / updates) ** 0.9 for update in range(updates)]


def start() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 4))


def gradients(weights: np.ndarray, update: int) -> np.ndarray:
    """A gradient that depends on the weights and differs between updates."""
    direction = np.random.default_rng(update + 1).normal(size=weights.shape)
    return np.cos(weights) + direction


def sgd_by_hand(momentum=0.9, weight_decay=0.01, factor=1.0) -> np.ndarray:
    weights, velocity = start(), 0.0
    for update, rate in enumerate(rates()):
        velocity = momentum * velocity + gradients(weights, update) + weight_decay * weights
        weights = weights - factor * rate * velocity
    return weights


def adam_by_hand(beta_1=0.9, beta_2=0.99, epsilon=1e-8, scale=1.0):
    weights, mean, square = start(), 0.0, 0.0
    for update, rate in enumerate(rates()):
        gradient = scale * gradients(weights, update)
        mean = beta_1 * mean + (1 - beta_1) * gradient
        square = beta_2 * square + (1 - beta_2) * gradient**2
        corrected = np.sqrt(square / (1 - beta_2 ** (update + 1)))
        weights = weights - rate * mean / (1 - beta_1 ** (update + 1)) / (corrected + epsilon)
    return weights


def trained(optimizer, variable=None, updates=range(UPDATES), scale=1.0) -> np.ndarray:
    """The variable after the optimizer's updates, made within a `tf.function`."""
    variable = tf.Variable(start(), dtype=tf.float32) if variable is None else variable
    optimizer.build([variable])

    @tf.function
    def apply(gradient):
        optimizer.apply_gradients([(gradient, variable)])

    for update in updates:
        gradient = scale * gradients(variable.numpy().astype(np.float64), update)
        apply(tf.constant(gradient, tf.float32))
    return variable.numpy()


def schedule():
    return poly(RATE, UPDATES)


def test_the_poly_schedule_is_deeplab_s():
    got = [float(schedule()(update)) for update in range(UPDATES)]
    np.testing.assert_allclose(got, rates(), rtol=1e-5)
    assert float(poly(2.5e-4, 250_000)(150_000)) == pytest.approx(2.5e-4 * 0.4**0.9)
    assert float(schedule()(UPDATES)) == 0


def test_sgd_is_pytorch_s_over_a_decay_to_nearly_zero():
    got = trained(TorchSGD(schedule(), momentum=0.9, weight_decay=0.01))
    np.testing.assert_allclose(got, sgd_by_hand(), rtol=1e-5, atol=1e-6)


def test_keras_s_momentum_goes_a_third_further_in_8_of_10_updates():
    """With a constant gradient; this difference is why these classes exist."""

    def distance(optimizer) -> float:
        variable = tf.Variable([0.0])
        for _ in range(8):
            optimizer.apply_gradients([(tf.constant([1.0]), variable)])
        return -float(variable[0])

    keras = tf.keras.optimizers.SGD(schedule(), momentum=0.9, jit_compile=False)
    ours = TorchSGD(schedule(), momentum=0.9)
    assert distance(keras) / distance(ours) == pytest.approx(1.3157, abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e-7])
def test_adam_is_pytorch_s_over_a_decay_to_nearly_zero(scale):
    """With gradients as small as epsilon, its position in the formula matters."""
    got = trained(TorchAdam(schedule(), 0.9, 0.99), scale=scale)
    np.testing.assert_allclose(got, adam_by_hand(scale=scale), rtol=2e-5, atol=2e-6)


def test_factors_multiply_the_learning_rate_of_their_variables_only():
    fast, slow = (tf.Variable(start(), dtype=tf.float32) for _ in range(2))
    optimizer = TorchSGD(schedule(), 0.9, 0.01, factors=[([fast], 10.0)])
    optimizer.build([slow, fast])
    for update in range(UPDATES):
        pairs = [(gradients(v.numpy().astype(np.float64), update), v) for v in (slow, fast)]
        optimizer.apply_gradients([(tf.constant(g, tf.float32), v) for g, v in pairs])
    np.testing.assert_allclose(slow, sgd_by_hand(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fast, sgd_by_hand(factor=10.0), rtol=1e-4, atol=1e-5)


def optimizers():
    return [
        lambda: TorchSGD(schedule(), momentum=0.9, weight_decay=0.01),
        lambda: TorchAdam(schedule(), 0.9, 0.99),
    ]


@pytest.mark.parametrize("build", optimizers(), ids=["sgd", "adam"])
def test_a_restored_optimizer_goes_on_as_if_never_stopped(build, tmp_path):
    expected = trained(build())
    first, variable = build(), tf.Variable(start(), dtype=tf.float32)
    trained(first, variable, range(5))
    path = tf.train.Checkpoint(optimizer=first, variable=variable).write(str(tmp_path / "ckpt"))
    second, variable = build(), tf.Variable(np.zeros((3, 4)), dtype=tf.float32)
    second.build([variable])
    tf.train.Checkpoint(optimizer=second, variable=variable).read(path).assert_consumed()
    np.testing.assert_array_equal(trained(second, variable, range(5, UPDATES)), expected)


@pytest.mark.parametrize("build", optimizers(), ids=["sgd", "adam"])
def test_over_replicas_gradients_are_summed_and_weight_decay_counts_once(build, two_replicas):
    expected = trained(build())
    with two_replicas.scope():
        variable = tf.Variable(start(), dtype=tf.float32)
        optimizer = build()
        optimizer.build([variable])

    @tf.function
    def apply(gradient):
        two_replicas.run(lambda: optimizer.apply_gradients([(gradient / 2, variable)]))

    for update in range(UPDATES):
        gradient = gradients(variable.numpy().astype(np.float64), update)
        apply(tf.constant(gradient, tf.float32))
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_under_loss_scaling_a_gradient_that_overflowed_is_skipped():
    variable = tf.Variable([1.0])
    optimizer = tf.keras.mixed_precision.LossScaleOptimizer(TorchSGD(0.1, 0.9))
    optimizer.build([variable])
    for gradient in (np.inf, 2.0):
        np.testing.assert_array_equal(variable, [1.0])
        scaled = [optimizer.loss_scale * tf.constant([gradient])]
        (unscaled,) = optimizer.get_unscaled_gradients(scaled)
        optimizer.apply_gradients([(unscaled, variable)])
    np.testing.assert_allclose(variable, [0.8], rtol=1e-6)


def torch_trained(build) -> np.ndarray:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weights = torch.tensor(start(), dtype=torch.float32, requires_grad=True)
    optimizer = build(torch.optim, [weights])
    for update, rate in enumerate(rates()):
        optimizer.param_groups[0]["lr"] = rate
        gradient = gradients(weights.detach().numpy().astype(np.float64), update)
        weights.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
    return weights.detach().numpy()


def test_sgd_against_pytorch_itself():
    expected = torch_trained(
        lambda optim, weights: optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=0.01)
    )
    got = trained(TorchSGD(schedule(), momentum=0.9, weight_decay=0.01))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_adam_against_pytorch_itself():
    expected = torch_trained(lambda optim, weights: optim.Adam(weights, lr=RATE, betas=(0.9, 0.99)))
    got = trained(TorchAdam(schedule(), 0.9, 0.99))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
