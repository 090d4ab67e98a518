"""What a run has learned so far: networks, their optimizers, and the number of updates."""

from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import Config, OptimizerConfig
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.losses.discriminator_input import discriminator_channels
from tfadvseg.models.discriminators import build_discriminator
from tfadvseg.models.segmenters import build_segmenter


class Learner(tf.Module):
    """A network and the optimizer that updates it, built together.

    The optimizer's variables exist before the first step is traced, so that nothing is created
    inside a traced function and a checkpoint always holds the same set.
    """

    def __init__(self, model: tf.keras.Model, config: OptimizerConfig, name: str) -> None:
        super().__init__(name)
        self.model = model
        self.optimizer = build_optimizer(config)
        if tf.keras.mixed_precision.global_policy().name == "mixed_float16":
            self.optimizer = tf.keras.mixed_precision.LossScaleOptimizer(self.optimizer)
        self.optimizer.build(model.trainable_variables)

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        """This network's gradients of a scalar float32 loss, whatever the precision."""
        variables = self.model.trainable_variables
        if not isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            return tape.gradient(loss, variables)
        scaled = tape.gradient(loss, variables, output_gradients=self.optimizer.loss_scale)
        return self.optimizer.get_unscaled_gradients(scaled)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Sums the gradients over replicas and updates the network."""
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))


@dataclass(frozen=True)
class TrainState:
    """Everything that training changes.

    Attributes:
        step: number of updates so far, int64; counts every phase's.
        segmenter: S; trained against D where there is one.
        discriminator: D, or None where no update depends on it.
        standard: with `--compare`, S trained alone from the same initial weights.
    """

    step: tf.Variable
    segmenter: Learner
    discriminator: Learner | None
    standard: Learner | None

    def segmenters(self) -> dict[str, Learner]:
        """The segmenters by the names that metrics and checkpoints use."""
        named = {"segmenter": self.segmenter, "standard": self.standard}
        return {name: learner for name, learner in named.items() if learner is not None}


def build_state(config: Config, descriptor: DatasetDescriptor) -> TrainState:
    """Builds networks and optimizers in the current strategy and precision policy."""

    def segmenter(name: str) -> Learner:
        model = build_segmenter(config.segmenter, descriptor.num_classes, descriptor.image_channels)
        return Learner(model, config.s_optimizer, name)

    learner = segmenter("segmenter")
    discriminator = None
    standard = None
    if config.method.uses_discriminator:
        channels = discriminator_channels(
            descriptor.num_classes, descriptor.image_channels, config.discriminator
        )
        model = build_discriminator(config.discriminator, config.data.crop_size, channels)
        discriminator = Learner(model, config.d_optimizer, "discriminator")
    if config.method.compare:
        standard = segmenter("standard")
        standard.model.set_weights(learner.model.get_weights())
    step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    return TrainState(step, learner, discriminator, standard)


def build_optimizer(config: OptimizerConfig) -> tf.keras.optimizers.Optimizer:
    """The Keras optimizer for `config`; its learning rate is computed within the graph."""
    rate: float | tf.keras.optimizers.schedules.LearningRateSchedule = config.learning_rate
    if config.decay:
        rate = tf.keras.optimizers.schedules.InverseTimeDecay(
            config.learning_rate, decay_steps=1, decay_rate=config.decay
        )
    match config.optimizer:
        case "rmsprop":
            return tf.keras.optimizers.RMSprop(rate, jit_compile=False)
        case "adam":
            return tf.keras.optimizers.Adam(rate, jit_compile=False)
