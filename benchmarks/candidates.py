"""Our own steps, compiled as training compiles them."""

from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.input_pipeline import DEFAULT_AUGMENT, synthetic_windows
from benchmarks.keras_way import plain_unet
from benchmarks.operations import count_operations
from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    MethodConfig,
    OptimizerConfig,
    SegmenterConfig,
)
from tfadvseg.data.descriptors import MEMBRANES
from tfadvseg.methods.phases import plan_epoch
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.loop import compile_phase
from tfadvseg.training.state import build_state
from tfadvseg.training.types import Batch

DEPTH = 4
LAMBDA_ADV = 0.1

SUPERVISED_METHOD = MethodConfig(method="supervised")
JOINT_METHOD = MethodConfig(lambda_adv=((0, LAMBDA_ADV),))
PATCH_D = DiscriminatorConfig()


def encoder_discriminator_config(settings: Settings) -> DiscriminatorConfig:
    """The D of the ISBI 2012 experiment: the map alone, labels as zeros and ones."""
    return DiscriminatorConfig(
        discriminator="encoder",
        d_width=settings.width,
        d_depth=DEPTH,
        d_image="none",
        d_truth="one_hot",
    )


def random_batch(settings: Settings) -> Batch:
    """One batch as a pipeline yields it, of noise: labels that nothing can learn."""
    random = np.random.default_rng(0)
    shape = (settings.batch, *settings.crop_size)
    return {
        "image": tf.constant(random.standard_normal((*shape, 1)), tf.float32),
        "label": tf.constant(random.integers(0, 2, shape), tf.int32),
    }


def build_training(
    settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig = PATCH_D
) -> Workloads:
    """A training step on one batch that stays where it is."""
    step, operations = _compiled_step(settings, method, discriminator)
    batch, lambda_adv = random_batch(settings), tf.constant(LAMBDA_ADV)

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            scalars = step(batch, lambda_adv)
        scalars["segmenter/loss_seg"].numpy()

    plain = None if method.uses_discriminator else _plain_training_operations(settings)
    return {"": Workload(run, settings.batch, operations, plain)}


def build_fed_training(settings: Settings) -> Workloads:
    """S's training step on what the input pipeline makes at the same time on the same machine."""
    step, operations = _compiled_step(settings, SUPERVISED_METHOD, PATCH_D)
    windows = synthetic_windows(settings, DEFAULT_AUGMENT)
    lambda_adv = tf.constant(LAMBDA_ADV)

    def run(repetitions: int) -> float:
        # Anew each time: the old one has filled its buffers while others had their turns.
        batches = iter(windows)
        step(next(batches), lambda_adv)["segmenter/loss_seg"].numpy()

        @timed
        def repeat(repetitions: int) -> None:
            for _ in range(repetitions):
                scalars = step(next(batches), lambda_adv)
            scalars["segmenter/loss_seg"].numpy()

        return repeat(repetitions)

    return {"": Workload(run, settings.batch, operations)}


def build_inference(settings: Settings) -> Workloads:
    """From normalised images to probabilities."""
    image = random_batch(settings)["image"]
    model = build_state(_config(settings, SUPERVISED_METHOD, PATCH_D), MEMBRANES).segmenter.model
    plain_model = plain_unet(1, settings.width, DEPTH)

    @tf.function(autograph=False)
    def infer(image: tf.Tensor) -> tf.Tensor:
        return class_probabilities(model(image, training=False))

    @tf.function(autograph=False)
    def plain(image: tf.Tensor) -> tf.Tensor:
        return plain_model(image, training=False)

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            probabilities = infer(image)
        probabilities[0, 0, 0].numpy()

    operations, plain_operations = (
        count_operations(function.get_concrete_function(image)) for function in (infer, plain)
    )
    return {"": Workload(run, settings.batch, operations, plain_operations)}


def _config(settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig) -> Config:
    """The experiment's optimizers, whatever the method, so that steps differ in nothing else."""
    return Config(
        data=DataConfig(crop_size=settings.crop_size),
        segmenter=SegmenterConfig(width=settings.width, depth=DEPTH),
        discriminator=discriminator,
        s_optimizer=OptimizerConfig("rmsprop", 1e-3, 1e-3),
        d_optimizer=OptimizerConfig("adam", 1e-3),
        method=method,
    )


def _compiled_step(
    settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig
) -> tuple[Any, int]:
    """The step, and the operations of one call."""
    config = _config(settings, method, discriminator)
    (phase,) = plan_epoch(config, build_state(config, MEMBRANES))
    step: Any = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
    traced = step.get_concrete_function(random_batch(settings), tf.constant(LAMBDA_ADV))
    return step, count_operations(traced)


def _plain_training_operations(settings: Settings) -> int:
    """What S's training step would take with plain upsampling; nothing is executed."""
    model = plain_unet(1, settings.width, DEPTH)

    @tf.function(autograph=False)
    def gradients(image: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            output = tf.reduce_sum(model(image, training=True))
        return tape.gradient(output, model.trainable_variables)

    return count_operations(gradients.get_concrete_function(random_batch(settings)["image"]))
