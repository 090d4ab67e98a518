"""Small inputs and configurations that several tests use."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags

from tfadvseg.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    MethodConfig,
    OptimizerConfig,
    RunConfig,
    SegmenterConfig,
)
from tfadvseg.config.discriminator import DISCRIMINATOR_RULES
from tfadvseg.data.examples import Examples
from tfadvseg.data.feeds import Feed, Masks
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.windows import window_maker
from tfadvseg.errors import UserError
from tfadvseg.flags.command_line import config_from_flags, define_train_flags
from tfadvseg.flags.reading import with_flagfiles_read
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms
from tfadvseg.methods.building import build_state, prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.run.experiment import run_experiment
from tfadvseg.training.state import Builder, TrainState
from tfadvseg.training.types import Phase

MEMBRANES = descriptor_of("membranes")


def tiny_config(**changes) -> Config:
    """A small U-Net of one pooling on 16x16 windows; `changes` by section name."""
    method = MethodConfig(**{"lambda_adv": ((0, 0.1),)} | changes.pop("method", {}))
    sections = {
        "data": DataConfig(crop_size=(16, 16), augment=()),
        "segmenter": SegmenterConfig(width=4, depth=1),
        "s_optimizer": OptimizerConfig(learning_rate=1e-2),
        "method": method,
        "run": RunConfig(epochs=1, steps_per_epoch=2, global_batch_size=4, precision="float32"),
    }
    if method.rules.discriminator:
        own = method.rules.discriminator
        kind = own if DISCRIMINATOR_RULES[own].features else "patch"
        patch = DiscriminatorConfig(discriminator=kind, d_width=4, d_depth=2)
        sections |= {
            "discriminator": patch,
            "d_optimizer": OptimizerConfig(learning_rate=1e-2),
        }
    for name, fields in changes.items():
        default = sections.get(name) or getattr(Config(), name)
        sections[name] = dataclasses.replace(default, **fields)
    return Config(**sections)


def parse(*arguments: str) -> Config:
    """The configuration that scripts/train.py makes of its flags."""
    values = absl_flags.FlagValues()
    define_train_flags(values)
    values(["train", *with_flagfiles_read(arguments)])
    return config_from_flags(values)


def assert_training_refuses(arguments: Sequence[str], messages: Sequence[str]) -> None:
    """Checks that training with these flags, in this process, fails with all of `messages`."""
    # Scripts turn a value of another form, which the flags themselves refuse, into one line, too.
    with pytest.raises((UserError, absl_flags.Error)) as error:
        config = parse(*arguments)
        run_experiment(config)
    for message in messages:
        assert message in str(error.value), str(error.value)


def tiny_state(config: Config, seed: int = 1) -> TrainState:
    tf.keras.utils.set_random_seed(seed)
    return build_state(Builder(config, MEMBRANES))


def phases_of(
    config: Config, state: TrainState, terms: SegmentationTerms = CROSS_ENTROPY
) -> tuple[Phase, ...]:
    """The phases of a configuration, for their steps: what feeds them is noise."""
    feed = noise_feed(config, state)
    return METHODS[config.method.method].phases(prepare_training(config, state, feed, terms))


def noise_feed(config: Config, state: TrainState) -> Feed:
    """Makes windows of noise from four images, in place of those of a dataset."""
    generator = np.random.default_rng(0)
    channels = descriptor_of(config.data.dataset).image_channels
    size = config.data.crop_size
    images = [generator.integers(0, 256, (*size, channels), np.uint8) for _ in range(4)]
    labels = [generator.integers(0, 2, size, np.uint8) for _ in range(4)]
    examples = Examples(tuple("abcd"), tuple(images), tuple(labels))
    normalisation = Normalisation((128.0,) * channels, (64.0,) * channels)
    data, run = dataclasses.replace(config.data, augment=()), config.run
    maker = window_maker(examples, data, normalisation, seed=0)
    updates, windows = run.steps_per_epoch, config.windows_per_update
    masks = Masks(maker, (0.5, 0.5)) if config.method.uses_masks else None
    return Feed(maker, maker, windows, updates, run.seed, normalisation, masks=masks)


def tiny_batch(size: int = 4, seed: int = 0) -> dict[str, tf.Tensor]:
    """Images whose bright half is class 1, with noise."""
    generator = np.random.default_rng(seed)
    label = (generator.uniform(size=(size, 4, 4)) < 0.5).repeat(4, axis=1).repeat(4, axis=2)
    image = label + 0.3 * generator.normal(size=label.shape)
    return {
        "image": tf.constant(image[..., np.newaxis], tf.float32),
        "label": tf.constant(label, tf.int32),
    }


def values_of(model: tf.keras.Model) -> list[np.ndarray]:
    return [np.array(value) for value in model.get_weights()]


def changed(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    return any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
