"""The baseline: adversarial updates with compiled Keras models, `fit` and `predict`.

Written as usual in the field: S with nearest upsampling, concatenation and biases; a combined model
of S and frozen D; `fit` of the combined model, `predict` with S, `fit` of D on labels and
predictions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers, losses, optimizers

from benchmarks.operations import count_operations
from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads, timed

DEPTH = 4


def plain_unet(channels: int, width: int, depth: int) -> Model:
    """U-Net to probabilities [B,H,W,1]; (1, 32, 4) has 7,851,969 trainable parameters."""
    images = layers.Input((None, None, channels))
    *skips, x = _downward(images, width, depth)
    for level in reversed(range(depth)):
        x = layers.Concatenate()([layers.UpSampling2D()(x), skips[level]])
        x = _convolution(x, width * 2**level)
        x = _convolution(x, width * 2**level)
    probabilities = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32")(x)
    return Model(images, probabilities)


def plain_discriminator(size: tuple[int, int], width: int, depth: int) -> Model:
    """The contracting path to one probability; (128x128, 32, 4) has 4,748,385 parameters."""
    maps = layers.Input((*size, 1))
    x = layers.Flatten()(_downward(maps, width, depth)[-1])
    return Model(maps, layers.Dense(1, activation="sigmoid", dtype="float32")(x))


def _downward(x: tf.Tensor, width: int, depth: int) -> list[tf.Tensor]:
    levels = []
    for level in range(depth + 1):
        if level:
            x = layers.MaxPooling2D()(x)
        x = _convolution(x, width * 2**level)
        x = _convolution(x, width * 2**level)
        levels.append(x)
    return levels


def _convolution(x: tf.Tensor, filters: int) -> tf.Tensor:
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
    return layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))


class KerasWay:
    """S and encoder D, compiled; a repetition is one update of each.

    Attributes:
        segmenter, discriminator: the networks.
        combined: S, followed by D.
    """

    def __init__(self, settings: Settings) -> None:
        self.batch = settings.batch
        self.segmenter = plain_unet(1, settings.width, DEPTH)
        self.discriminator = plain_discriminator(settings.crop_size, settings.width, DEPTH)
        rate = optimizers.schedules.InverseTimeDecay(1e-3, 1, 1e-3)
        self.discriminator.compile(optimizers.Adam(1e-3), losses.BinaryCrossentropy())
        # Keras keeps the value of `trainable` from the time a model is compiled: D learns in its
        # own `fit` and is frozen in the combined one, where its batch norm uses moving averages.
        self.discriminator.trainable = False
        images = layers.Input((*settings.crop_size, 1))
        maps = self.segmenter(images)
        self.combined = Model(images, [maps, self.discriminator(maps)])
        self.combined.compile(
            optimizers.RMSprop(rate), [losses.BinaryCrossentropy()] * 2, loss_weights=[1.0, 0.1]
        )
        random = np.random.default_rng(0)
        shape = (settings.batch, *settings.crop_size, 1)
        self.images = random.standard_normal(shape).astype(np.float32)
        self.labels = random.integers(0, 2, shape).astype(np.float32)

    def run(self, repetitions: int) -> None:
        """All updates of S, then all of D, in long calls, which spread their overhead."""
        self.train_segmenter(repetitions)
        images = np.concatenate([self.images] * repetitions)
        fake = self.segmenter.predict(images, self.batch, verbose=0)
        self.train_discriminator(repetitions, fake)

    def train_segmenter(self, repetitions: int) -> None:
        images, labels = (
            np.concatenate([array] * repetitions) for array in (self.images, self.labels)
        )
        real = np.ones((len(images), 1), np.float32)
        self.combined.fit(images, [labels, real], self.batch, verbose=0)

    def train_discriminator(self, repetitions: int, fake: np.ndarray) -> None:
        """Batches with as many real and fake maps as ours: twice the batch size, mixed."""
        maps = np.concatenate([self.labels] * repetitions + [fake])
        count = len(maps) // 2
        answers = np.concatenate([np.ones((count, 1)), np.zeros((count, 1))]).astype(np.float32)
        self.discriminator.fit(maps, answers, 2 * self.batch, verbose=0)

    def operations(self) -> int:
        """Multiplications plus additions per repetition, from the steps that Keras runs."""
        real = np.ones((self.batch, 1), np.float32)
        maps = np.concatenate([self.labels, self.labels])
        answers = np.concatenate([real, real])
        self.discriminator.trainable = True
        discriminator = _trace(self.discriminator.train_step, (maps, answers))
        self.discriminator.trainable = False
        segmenter = _trace(self.combined.train_step, (self.images, (self.labels, real)))
        predict = _trace(self.segmenter.predict_step, self.images)
        return sum(map(count_operations, (discriminator, segmenter, predict)))


def _trace(step: Callable, data: Any) -> tf.types.experimental.ConcreteFunction:
    return tf.function(step).get_concrete_function(tf.nest.map_structure(tf.constant, data))


def build_keras_way(settings: Settings) -> Workloads:
    """The adversarial iteration with compiled models."""
    way = KerasWay(settings)
    return {"": Workload(timed(way.run), settings.batch, way.operations())}
