"""What a run has learned so far: networks, their optimizers, and the number of updates."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from tfadvseg.config import Config
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

    The optimizer's variables exist before the first step is traced, so that nothing is created
    inside a traced function and a checkpoint always holds the same set.

    Attributes:
        model: the network that learns.
        optimizer: its own, built; None for a teacher, which no gradient updates.
        averaged: the same network with an exponential moving average of all its weights, or None.
        role: what the network is for.
        statistics: of batch norm on the source domain, where the network keeps them apart; absent
            otherwise, as in checkpoints.
        balance: of a D whose adversarial loss weighs a share of the segmentation gradient's norm;
            None where the weight is a number.
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
    def measured(self) -> tf.keras.Model:
        """What is validated, kept as the best and exported: the average where there is one."""
        return self.model if self.averaged is None else self.averaged

    @property
    def updates(self) -> tf.Variable:
        """Number of updates so far, int64; those that mixed precision skips are not counted."""
        assert self.optimizer is not None, f"{self.name} is not trained by gradients"
        return self.optimizer.iterations

    def domain(self, domain: Domain) -> AbstractContextManager[None]:
        """Within the block images of a domain pass through, under its batch norm statistics."""
        statistics = getattr(self, "statistics", None)
        return nullcontext() if statistics is None else statistics.of(domain)

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        """This network's gradients of a scalar float32 loss, whatever the precision."""
        return self.gradients_at(tape, loss, self.model.trainable_variables)

    def gradients_at(
        self, tape: tf.GradientTape, loss: tf.Tensor, sources: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Gradients of a scalar float32 loss at tensors or variables, whatever the precision."""
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
        """This network's gradients of a loss whose gradients at its outputs are known.

        Args:
            tape: recorded the network's pass.
            outputs: of the network.
            upstream: the loss's gradient at each of them, float32.
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
        # The first updates, which move most, soon weigh little: Keras's and TensorFlow's own rule.
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
        step: number of updates so far, int64; counts every phase's.
        learners: all networks by the names that metrics and checkpoints use; `segmenter` is S.
    """

    step: tf.Variable
    learners: dict[str, Learner]

    @property
    def segmenter(self) -> Learner:
        """S."""
        return self.learners["segmenter"]

    def segmenters(self) -> dict[str, Learner]:
        """The networks that are validated, kept and compared: S and those trained beside it."""
        return {n: learner for n, learner in self.learners.items() if learner.role == "segmenter"}

    def teachers(self) -> dict[str, Learner]:
        """The networks that follow S."""
        return {n: learner for n, learner in self.learners.items() if learner.role == "teacher"}

    def discriminators(self) -> dict[str, Learner]:
        """The networks that judge maps."""
        return {
            n: learner for n, learner in self.learners.items() if learner.role == "discriminator"
        }


SegmenterBuilder = Callable[[int, int], tf.keras.Model]
"""(image channels, logits per pixel) to a segmenter, as `models.segmenters` builds them."""

DiscriminatorBuilder = Callable[[tuple[int, int], int], tf.keras.Model]
"""(height and width of a window, channels of a map) to a D (`models.discriminators`)."""


class Builder:
    """Builds networks and their optimizers in the current strategy and precision policy.

    Attributes:
        config: of the run.
        descriptor: of the dataset.
    """

    def __init__(
        self,
        config: Config,
        descriptor: DatasetDescriptor,
        segmenter: SegmenterBuilder | None = None,
        discriminator: DiscriminatorBuilder | None = None,
    ) -> None:
        """Remembers what to build.

        Args:
            config: of the run.
            descriptor: of the dataset: its classes and the channels of its images.
            segmenter, discriminator: build networks of the user's own in place of ours.
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
            name: in checkpoints.
            channels: of the maps that it is shown.
            updates_per_epoch: its own; 0 for as many as S has.
            role: `critic` where it returns features and no logits.
            balanced: whether `--lambda_adv`, where it is a share, is of this one's loss.
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
        run = self.config.run
        return Length(updates_per_epoch, run.rate_epochs or run.epochs)
