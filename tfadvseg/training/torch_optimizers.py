"""PyTorch's update rules, which differ from Keras's enough to change published results.

- Momentum accumulates gradients, and the learning rate multiplies the sum. Keras accumulates
  learning rate times gradient, so that after a decay old gradients still count at the old rate.
- Weight decay is added to the gradient before momentum. Keras's is decoupled.
- Adam adds epsilon to the square root of the bias-corrected second moment. Keras adds it before
  the correction, which makes its epsilon larger in the first updates.

Gradients are summed over replicas before these steps, so that weight decay counts once.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TypeAlias

import tensorflow as tf

LearningRate: TypeAlias = float | tf.keras.optimizers.schedules.LearningRateSchedule

Factors = Sequence[tuple[Sequence[tf.Variable], float]]
"""Groups of variables with a factor of their learning rate; other variables have the factor 1."""


class TorchSGD(tf.keras.optimizers.Optimizer):
    """Stochastic gradient descent as in `torch.optim.SGD`, without dampening.

    g = gradient + weight_decay * w;  m = momentum * m + g;  w = w - learning_rate * m.

    Weight decay applies to the variables in `decayed`, or to all if it is None. Gradients with a
    global norm above `clip_norm` are scaled down to it first.
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        factors: Factors = (),
        decayed: Sequence[tf.Variable] | None = None,
        clip_norm: float | None = None,
        name: str = "torch_sgd",
    ) -> None:
        # The base class's weight decay is decoupled, so it is not used.
        super().__init__(name=name, weight_decay=None, global_clipnorm=clip_norm, jit_compile=False)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.momentum = momentum
        self.coupled_weight_decay = weight_decay
        self._decayed = None if decayed is None else frozenset(map(self._var_key, decayed))
        # A plain dict would be tracked and saved in checkpoints.
        self._factors = MappingProxyType(
            {self._var_key(each): factor for variables, factor in factors for each in variables}
        )

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self.momenta = [self.add_variable_from_reference(v, "momentum") for v in var_list]
        self._built = True

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        key = self._var_key(variable)
        rate = self._factors.get(key, 1.0) * tf.cast(self.learning_rate, variable.dtype)
        gradient = tf.convert_to_tensor(gradient)
        if self.coupled_weight_decay and (self._decayed is None or key in self._decayed):
            # Without the dependency, the graph computes and holds all products before the first
            # gradient.
            with tf.control_dependencies([gradient]):
                gradient += self.coupled_weight_decay * variable
        momentum = self.momenta[self._index_dict[key]]
        # TensorFlow's op has PyTorch's rule; Keras's optimizer does not use it.
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=momentum.handle,
            lr=rate,
            grad=gradient,
            momentum=tf.cast(self.momentum, gradient.dtype),
        )


class TorchAdam(tf.keras.optimizers.Optimizer):
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) as in `torch.optim.Adam`.

    With m and v the moving means of the gradient g and of g**2, update t is
    w = w - learning_rate * m / (1 - beta_1**t) / (sqrt(v / (1 - beta_2**t)) + epsilon).
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        name: str = "torch_adam",
    ) -> None:
        super().__init__(name=name, weight_decay=None, global_clipnorm=clip_norm, jit_compile=False)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self.means = [self.add_variable_from_reference(v, "mean") for v in var_list]
        self.mean_squares = [self.add_variable_from_reference(v, "mean_square") for v in var_list]
        self._built = True

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        rate = tf.cast(self.learning_rate, variable.dtype)
        gradient = tf.convert_to_tensor(gradient)
        index = self._index_dict[self._var_key(variable)]
        mean, mean_square = self.means[index], self.mean_squares[index]
        # In float32, 1 - 0.999**t would lose three digits for small t.
        update = tf.cast(self.iterations + 1, tf.float64)
        correction_1 = tf.cast(1 - tf.pow(tf.constant(self.beta_1, tf.float64), update), rate.dtype)
        correction_2 = tf.cast(1 - tf.pow(tf.constant(self.beta_2, tf.float64), update), rate.dtype)
        mean.assign_add((1 - self.beta_1) * (gradient - mean))
        mean_square.assign_add((1 - self.beta_2) * (tf.square(gradient) - mean_square))
        denominator = tf.sqrt(mean_square) / tf.sqrt(correction_2) + self.epsilon
        variable.assign_sub(rate / correction_1 * mean / denominator)
