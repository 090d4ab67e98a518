"""The published ISBI 2012 experiment: a U-Net S, alone and against D."""

import dataclasses

import tensorflow as tf

from benchmarks.input_pipeline import DEFAULT_AUGMENT, synthetic_windows
from benchmarks.keras_way import plain_unet
from benchmarks.operations import count_operations
from benchmarks.settings import Settings
from benchmarks.steps import LAMBDA_ADV, Step, fed_training, inference, random_batch, training
from benchmarks.workload import Workloads
from tfadvseg.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    MethodConfig,
    OptimizerConfig,
    SegmenterConfig,
)
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.methods.building import build_state
from tfadvseg.training.state import Builder

MEMBRANES = descriptor_of("membranes")

DEPTH = 4

SUPERVISED_METHOD = MethodConfig(method="supervised")
JOINT_METHOD = MethodConfig(lambda_adv=((0, LAMBDA_ADV),))
PATCH_D = DiscriminatorConfig()


def encoder_discriminator_config(settings: Settings) -> DiscriminatorConfig:
    """The D of the ISBI 2012 experiment: its input is the map alone, with one-hot labels."""
    return DiscriminatorConfig(
        discriminator="encoder",
        d_width=settings.width,
        d_depth=DEPTH,
        d_image="none",
        d_truth="one_hot",
    )


def build_training(
    settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig = PATCH_D
) -> Workloads:
    """A training step on one batch."""
    plain = None if method.uses_discriminator else _plain_training_operations(settings)
    return {"": training(_step(settings, method, discriminator), plain)}


def build_fed_training(settings: Settings) -> Workloads:
    """S's training step fed by the input pipeline."""
    windows = synthetic_windows(settings, DEFAULT_AUGMENT, MEMBRANES)
    return {"": fed_training(_step(settings, SUPERVISED_METHOD, PATCH_D), windows)}


def build_inference(settings: Settings) -> Workloads:
    """S's inference."""
    image = random_batch(settings, MEMBRANES)["image"]
    model = build_state(
        Builder(experiment_config(settings, SUPERVISED_METHOD, PATCH_D), MEMBRANES)
    ).segmenter.model
    plain_model = plain_unet(1, settings.width, DEPTH)
    plain = tf.function(lambda image: plain_model(image, training=False), autograph=False)
    return {"": inference(model, image, count_operations(plain.get_concrete_function(image)))}


def experiment_config(
    settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig
) -> Config:
    """The experiment's optimizers for every method, so that steps differ in nothing else."""
    config = Config(
        data=DataConfig(crop_size=settings.crop_size),
        segmenter=SegmenterConfig(width=settings.width, depth=DEPTH),
        s_optimizer=OptimizerConfig("rmsprop", 1e-3, 1e-3),
        method=method,
    )
    if not method.uses_discriminator:
        return config
    d_optimizer = OptimizerConfig("adam", 1e-3)
    return dataclasses.replace(config, discriminator=discriminator, d_optimizer=d_optimizer)


def _step(settings: Settings, method: MethodConfig, discriminator: DiscriminatorConfig) -> Step:
    config = experiment_config(settings, method, discriminator)
    return Step(config, build_state(Builder(config, MEMBRANES)), settings, MEMBRANES)


def _plain_training_operations(settings: Settings) -> int:
    """Operations of S's training step with plain upsampling; nothing is executed."""
    model = plain_unet(1, settings.width, DEPTH)

    @tf.function(autograph=False)
    def gradients(image: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            output = tf.reduce_sum(model(image, training=True))
        return tape.gradient(output, model.trainable_variables)

    image = random_batch(settings, MEMBRANES)["image"]
    return count_operations(gradients.get_concrete_function(image))
