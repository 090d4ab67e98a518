"""Our own steps, compiled as in training, on batches of noise."""

from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.operations import count_operations
from benchmarks.settings import Settings
from benchmarks.workload import Workload, timed
from tfadvseg.config import Config
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.feeds import Feed
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.methods.building import prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.loop import compile_phase
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Batch

LAMBDA_ADV = 0.1


def random_batch(settings: Settings, descriptor: DatasetDescriptor) -> Batch:
    """A batch of noise in the format of a pipeline, with random labels."""
    random = np.random.default_rng(0)
    shape = (settings.batch, *settings.crop_size)
    image = random.standard_normal((*shape, descriptor.image_channels))
    return {
        "image": tf.constant(image, tf.float32),
        "label": tf.constant(random.integers(0, descriptor.num_classes, shape), tf.int32),
    }


def _unfed(config: Config) -> Feed:
    """A feed without images: the benchmark gives batches by itself."""

    def no_window(number: tf.Tensor) -> Batch:
        raise AssertionError("a benchmark's step is fed by the benchmark")

    run = config.run
    updates, windows = run.steps_per_epoch, config.windows_per_update
    return Feed(no_window, None, windows, updates, run.seed, Normalisation((0.0,), (1.0,)))


class Step:
    """The training step of a configuration with one phase.

    Attributes:
        batch: noise, with the shapes that the step takes.
        images: number of images per batch.
        operations: multiplications plus additions of one call.
    """

    def __init__(
        self,
        config: Config,
        state: TrainState,
        settings: Settings,
        descriptor: DatasetDescriptor,
        xla: bool = False,
    ) -> None:
        method = METHODS[config.method.method]
        (phase,) = method.phases(prepare_training(config, state, _unfed(config)))
        step: Any = compile_phase(phase, tf.distribute.get_strategy(), xla)
        self._step = step
        self._weights = {name: tf.constant(LAMBDA_ADV) for name in phase.weights(0.0)}
        self.batch = random_batch(settings, descriptor)
        self.images = settings.batch
        traced = step.get_concrete_function(self.batch, self._weights)
        self.operations = count_operations(traced)

    def __call__(self, batch: Batch) -> tf.Tensor:
        return self._step(batch, self._weights)["segmenter/loss_seg"]


def training(step: Step, plain_operations: int | None = None) -> Workload:
    """The step on one fixed batch."""

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            loss = step(step.batch)
        loss.numpy()

    return Workload(run, step.images, step.operations, plain_operations)


def fed_training(step: Step, windows: tf.data.Dataset) -> Workload:
    """The step on batches that the input pipeline makes at the same time on the same machine."""

    def run(repetitions: int) -> float:
        # A new pipeline each time: the old one has filled its buffers during the others' turns.
        batches = iter(windows)
        step(next(batches)).numpy()

        @timed
        def repeat(repetitions: int) -> None:
            for _ in range(repetitions):
                loss = step(next(batches))
            loss.numpy()

        return repeat(repetitions)

    return Workload(run, step.images, step.operations)


def inference(
    model: tf.keras.Model, image: tf.Tensor, plain_operations: int | None = None
) -> Workload:
    """From normalised images to probabilities."""

    @tf.function(autograph=False)
    def infer(image: tf.Tensor) -> tf.Tensor:
        return class_probabilities(model(image, training=False))

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            probabilities = infer(image)
        probabilities[0, 0, 0].numpy()

    operations = count_operations(infer.get_concrete_function(image))
    return Workload(run, len(image), operations, plain_operations)
