"""What a run has learned so far: networks, their optimizers, and the number of updates."""

from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.losses.discriminator_input import discriminator_channels
from tfadvseg.models.discriminators import build_discriminator
from tfadvseg.models.segmenters import build_segmenter
from tfadvseg.training.optimizers import Length, build_optimizer


class Learner(tf.Module):
    """A network and the optimizer that updates it.

    The optimizer's variables exist before the first step is traced, so that nothing is created
    inside a traced function and a checkpoint always holds the same set.

    Attributes:
        model: the network that learns.
        optimizer: its own, built.
        averaged: the same network with an exponential moving average of all its weights, or None.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        optimizer: tf.keras.optimizers.Optimizer,
        name: str,
        averaged: tf.keras.Model | None = None,
        decay: float = 0.0,
    ) -> None:
        super().__init__(name)
        self.model = model
        if tf.keras.mixed_precision.global_policy().name == "mixed_float16":
            optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
        self.optimizer = optimizer
        self.optimizer.build(model.trainable_variables)
        self.averaged = averaged
        self._decay = decay
        if averaged is not None:
            averaged.set_weights(model.get_weights())

    @property
    def measured(self) -> tf.keras.Model:
        """What is validated, kept as the best and exported: the average where there is one."""
        return self.model if self.averaged is None else self.averaged

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
        if self.averaged is not None:
            tf.distribute.get_replica_context().merge_call(self._update_average)

    def _update_average(self, strategy: tf.distribute.Strategy) -> None:
        assert self.averaged is not None
        # The first updates, which move most, soon weigh little: Keras's and TensorFlow's own rule.
        updates = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self._decay, (1 + updates) / (10 + updates))

        def move(average: tf.Variable, value: tf.Tensor) -> None:
            value = tf.cast(value, average.dtype)
            average.assign_sub(tf.cast(1 - decay, average.dtype) * (average - value))

        for average, value in zip(self.averaged.variables, self.model.variables, strict=True):
            strategy.extended.update(average, move, args=(value,), group=False)


@dataclass(frozen=True)
class TrainState:
    """Everything that training changes.

    Attributes:
        step: number of updates so far, int64; counts every phase's.
        segmenter: S; trained against D where there is one.
        discriminator: D, or None where no update depends on it; for domain adaptation that of S's
            last level.
        standard: with `--compare`, S trained alone from the same initial weights.
        aux_discriminator: for domain adaptation, the D of the level before the last, or None.
    """

    step: tf.Variable
    segmenter: Learner
    discriminator: Learner | None
    standard: Learner | None
    aux_discriminator: Learner | None = None

    def segmenters(self) -> dict[str, Learner]:
        """The segmenters by the names that metrics and checkpoints use."""
        named = {"segmenter": self.segmenter, "standard": self.standard}
        return {name: learner for name, learner in named.items() if learner is not None}

    def learners(self) -> dict[str, Learner]:
        """All networks by the names that checkpoints use."""
        named = {
            "discriminator": self.discriminator,
            "aux_discriminator": self.aux_discriminator,
        }
        built = {name: learner for name, learner in named.items() if learner is not None}
        return self.segmenters() | built


def build_state(config: Config, descriptor: DatasetDescriptor) -> TrainState:
    """Builds networks and optimizers in the current strategy and precision policy."""
    run, method = config.run, config.method
    epochs = run.rate_epochs or run.epochs

    def network() -> tf.keras.Model:
        return build_segmenter(config.segmenter, descriptor.num_classes, descriptor.image_channels)

    def segmenter(name: str) -> Learner:
        model = network()
        length = Length(run.steps_per_epoch, epochs)
        optimizer = build_optimizer(config.s_optimizer, model, length)
        return Learner(model, optimizer, name, network() if run.ema else None, run.ema)

    def discriminator(name: str, channels: int) -> Learner:
        model = build_discriminator(config.discriminator, config.data.crop_size, channels)
        # In the alternating schedule D sees each window twice an epoch.
        updates = run.steps_per_epoch * (2 if method.schedule == "alternating" else 1)
        optimizer = build_optimizer(config.d_optimizer, model, Length(updates, epochs))
        return Learner(model, optimizer, name)

    learner = segmenter("segmenter")
    judge = aux_judge = standard = None
    if method.adapts:
        if method.weighs_adversarial:
            judge = discriminator("discriminator", descriptor.num_classes)
        if config.segmenter.levels == 2 and method.lambda_adv_aux > 0:
            aux_judge = discriminator("aux_discriminator", descriptor.num_classes)
    elif method.uses_discriminator:
        channels = discriminator_channels(
            descriptor.num_classes, descriptor.image_channels, config.discriminator
        )
        judge = discriminator("discriminator", channels)
    if method.compare:
        standard = segmenter("standard")
        for own in filter(None, (standard.model, standard.averaged)):
            own.set_weights(learner.model.get_weights())
    step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    return TrainState(step, learner, judge, standard, aux_judge)
