"""State of training: networks, their optimizers, and the number of updates."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from tfadvseg.config import Config
from tfadvseg.config.resolve import used_rate_epochs
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.errors import UserError
from tfadvseg.models.discriminators import build_discriminator
from tfadvseg.models.ops.domain_statistics import (
    DomainStatistics,
    batch_norm_layers,
    freeze_batch_norm,
    set_momentum,
)
from tfadvseg.models.ops.frozen_batch_norm import Domain
from tfadvseg.models.outputs import output_channels
from tfadvseg.models.own import build_own_discriminator, build_own_segmenter, name_of
from tfadvseg.models.segmenters import build_segmenter
from tfadvseg.training.balance import GradientBalance
from tfadvseg.training.optimizers import Length, build_optimizer

Role = Literal["segmenter", "discriminator", "critic", "teacher"]


class Learner(tf.Module):
    """A network and the optimizer that updates it.

    The optimizer's variables are created before the first step is traced, so that a traced function
    creates none and all checkpoints contain the same variables.

    Attributes:
        model: the trained network.
        optimizer: its optimizer, built; None for a teacher, which has no gradient updates.
        averaged: the same network with an exponential moving average of all weights, or None.
        role: role of the network.
        statistics: batch norm's statistics on the source domain if they are kept per domain;
            otherwise the attribute is absent, as in checkpoints.
        balance: balance of a D whose `--lambda_adv` is a ratio of gradient norms; None if it is a
            number.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        optimizer: tf.keras.optimizers.Optimizer | None,
        name: str,
        averaged: tf.keras.Model | None = None,
        decay: float = 0.0,
        role: Role = "segmenter",
        statistics: DomainStatistics | None = None,
        balance: GradientBalance | None = None,
    ) -> None:
        super().__init__(name)
        self.role = role
        self.balance = balance
        self.model = model
        if optimizer and tf.keras.mixed_precision.global_policy().name == "mixed_float16":
            optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
        self.optimizer = optimizer
        if optimizer is not None:
            optimizer.build(model.trainable_variables)
        self.averaged = averaged
        self._decay = decay
        if statistics is not None:
            self.statistics = statistics
        if averaged is not None:
            averaged.set_weights(model.get_weights())

    @property
    def evaluated(self) -> tf.keras.Model:
        """The network to validate, keep as best and export: the average if there is one."""
        return self.model if self.averaged is None else self.averaged

    @property
    def updates(self) -> tf.Variable:
        """Number of updates so far, int64; those that mixed precision skips are not counted."""
        assert self.optimizer is not None, f"{self.name} is not trained by gradients"
        return self.optimizer.iterations

    def domain(self, domain: Domain) -> AbstractContextManager[None]:
        """Context in which the network uses the domain's batch norm statistics."""
        statistics = getattr(self, "statistics", None)
        return nullcontext() if statistics is None else statistics.of(domain)

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        """This network's gradients of a scalar float32 loss, in any precision."""
        return self.gradients_at(tape, loss, self.model.trainable_variables)

    def gradients_at(
        self, tape: tf.GradientTape, loss: tf.Tensor, sources: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Gradients of a scalar float32 loss at tensors or variables, in any precision."""
        if not isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            return tape.gradient(loss, sources)
        scaled = tape.gradient(loss, sources, output_gradients=self._loss_scale())
        return self.optimizer.get_unscaled_gradients(scaled)

    def _loss_scale(self) -> tf.Tensor:
        assert isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
        # Keras warns that scaling was forgotten unless its own function does it.
        return self.optimizer.get_scaled_loss(tf.constant(1.0))

    def gradients_through(
        self, tape: tf.GradientTape, outputs: list[tf.Tensor], upstream: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """This network's gradients of a loss, given the loss's gradients at the outputs.

        Args:
            tape: tape that recorded the network's pass.
            outputs: outputs of the network.
            upstream: gradient of the loss at each output, float32.
        """
        variables = self.model.trainable_variables
        if not isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            return tape.gradient(outputs, variables, output_gradients=upstream)
        scale = self._loss_scale()
        scaled = tape.gradient(
            outputs, variables, output_gradients=[scale * gradient for gradient in upstream]
        )
        return self.optimizer.get_unscaled_gradients(scaled)

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Sums the gradients over replicas and updates the network."""
        assert self.optimizer is not None, f"{self.name} is not trained by gradients"
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        if self.averaged is not None:
            tf.distribute.get_replica_context().merge_call(self._update_average)

    def _update_average(self, strategy: tf.distribute.Strategy) -> None:
        assert self.averaged is not None
        # A lower decay at first forgets the initial weights sooner, as in TensorFlow's own average.
        updates = tf.cast(self.updates, tf.float32)
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
        step: number of updates so far over all phases, int64.
        learners: all networks by their names in metrics and checkpoints; `segmenter` is S.
    """

    step: tf.Variable
    learners: dict[str, Learner]

    @property
    def segmenter(self) -> Learner:
        """The segmenter S."""
        return self.learners["segmenter"]

    def segmenters(self) -> dict[str, Learner]:
        """S and the networks of `--compare`, which are all validated and saved."""
        return {n: learner for n, learner in self.learners.items() if learner.role == "segmenter"}

    def teachers(self) -> dict[str, Learner]:
        """The networks that follow S."""
        return {n: learner for n, learner in self.learners.items() if learner.role == "teacher"}

    def discriminators(self) -> dict[str, Learner]:
        """The discriminators."""
        return {
            n: learner for n, learner in self.learners.items() if learner.role == "discriminator"
        }


SegmenterBuilder = Callable[[int, int], tf.keras.Model]
"""Function of (image channels, logits per pixel) to a segmenter (`models.segmenters`)."""

DiscriminatorBuilder = Callable[[tuple[int, int], int], tf.keras.Model]
"""Function of ((height, width) of a window, channels of a map) to a D (`models.discriminators`)."""


class Builder:
    """Builds networks and their optimizers in the current strategy and precision policy.

    Attributes:
        config: configuration of the run.
        descriptor: descriptor of the dataset.
    """

    def __init__(
        self,
        config: Config,
        descriptor: DatasetDescriptor,
        segmenter: SegmenterBuilder | None = None,
        discriminator: DiscriminatorBuilder | None = None,
    ) -> None:
        """Stores the arguments.

        Args:
            config: configuration of the run.
            descriptor: descriptor of the dataset: its classes and image channels.
            segmenter, discriminator: builders of the user's own networks; None builds ours.
        """
        self.config = config
        self.descriptor = descriptor
        self._segmenter = segmenter
        self._discriminator = discriminator
        self._own_variables: set[object] = set()

    def segmenter_model(self) -> tf.keras.Model:
        """A segmenter with new weights."""
        classes, channels = self.descriptor.num_classes, self.descriptor.image_channels
        if self._segmenter is not None:
            model = build_own_segmenter(self._segmenter, channels, output_channels(classes))
            return self._new(model, f"segmenter={name_of(self._segmenter)}")
        model = build_segmenter(self.config.segmenter, classes, channels)
        set_momentum(model, self.config.segmenter.batch_norm_momentum)
        return model

    def segmenter(self, name: str) -> Learner:
        """A segmenter, its optimizer and, with `--ema`, its average."""
        model, ema = self.segmenter_model(), self.config.run.ema
        mode, statistics = self.config.segmenter.batch_norm, None
        if mode == "frozen":
            freeze_batch_norm(model)
        elif mode == "per_domain" and batch_norm_layers(model):
            statistics = DomainStatistics(model)
        optimizer = build_optimizer(
            self.config.s_optimizer, model, self._length(self.config.run.steps_per_epoch)
        )
        averaged = self.segmenter_model() if ema else None
        return Learner(model, optimizer, name, averaged, ema, statistics=statistics)

    def teacher(self, name: str) -> Learner:
        """A segmenter that follows S; `methods.building` gives it S's initial weights."""
        model = self.segmenter_model()
        if self.config.segmenter.batch_norm == "frozen":
            freeze_batch_norm(model)
        return Learner(model, None, name, role="teacher")

    def discriminator(
        self,
        name: str,
        channels: int,
        updates_per_epoch: int = 0,
        balanced: bool = True,
        role: Role = "discriminator",
    ) -> Learner:
        """A discriminator and its optimizer.

        Args:
            name: name in checkpoints.
            channels: number of channels of its input.
            updates_per_epoch: its updates per epoch; 0 takes the number of S's.
            role: `critic` if it returns features instead of logits.
            balanced: whether a ratio given as `--lambda_adv` applies to this D's loss.
        """
        balance = GradientBalance() if balanced and self.config.method.balances else None
        size = self.config.data.crop_size
        if self._discriminator is not None and role == "critic":
            model = self._discriminator(size, channels)
        elif self._discriminator is not None:
            model = build_own_discriminator(self._discriminator, size, channels)
            self._new(model, f"discriminator={name_of(self._discriminator)}")
        else:
            model = build_discriminator(self.config.discriminator, size, channels)
        length = self._length(updates_per_epoch or self.config.run.steps_per_epoch)
        optimizer = build_optimizer(self.config.d_optimizer, model, length)
        return Learner(model, optimizer, name, role=role, balance=balance)

    def _new(self, model: tf.keras.Model, what: str) -> tf.keras.Model:
        """The model, unless a network of this run has weights of it already.

        Raises:
            UserError: it has; two networks would then be one.
        """
        variables = {variable.ref() for variable in model.variables}
        if variables & self._own_variables:
            raise UserError(
                f"{what}: returned weights that it had returned before; build a new model with new "
                "layers at each call."
            )
        self._own_variables |= variables
        return model

    def _length(self, updates_per_epoch: int) -> Length:
        return Length(updates_per_epoch, used_rate_epochs(self.config.run))
