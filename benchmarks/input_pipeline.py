"""The training input, without a network."""

from collections.abc import Iterable
from typing import get_args

import numpy as np
import tensorflow as tf

from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.config import Augmentation, DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Examples, channel_statistics
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import training_windows
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.windows import window_maker

MEMBRANES = descriptor_of("membranes")

DEFAULT_AUGMENT = DataConfig().augment
_EXAMPLES = 30
_ISBI_SIZE = (512, 512)
_WARM_UP = 8  # batches, after which parallel calls are tuned and all running
_LEAST = 8
"""Batches to time; fewer may have been made while others were taken."""


def augment_name(augment: Iterable[str]) -> str:
    """Name of a setting of --augment in the table."""
    return ",".join(augment) or "windows only"


def build_pipeline(settings: Settings) -> Workloads:
    """`training_windows` without augmentation, with each one alone, and with the default ones."""
    alone = [(name,) for name in get_args(Augmentation) if name != "colour"]  # sections are grey
    workloads = {}
    for augment in dict.fromkeys([(), *alone, DEFAULT_AUGMENT]):
        windows = synthetic_windows(settings, augment, MEMBRANES)
        workloads[augment_name(augment)] = consuming(windows, settings)
    return workloads


def synthetic_windows(
    settings: Settings,
    augment: tuple[Augmentation, ...],
    descriptor: DatasetDescriptor,
    image_size: tuple[int, int] = _ISBI_SIZE,
) -> tf.data.Dataset:
    """Endless training batches from noise images, with as many images as ISBI 2012 has.

    Images have `image_size`, (height, width), but are not smaller than a window.
    """
    random = np.random.default_rng(0)
    shape = [max(sizes) for sizes in zip(image_size, settings.crop_size, strict=True)]
    channels, classes = descriptor.image_channels, descriptor.num_classes
    examples = Examples(
        keys=tuple(str(i) for i in range(_EXAMPLES)),
        images=tuple(
            random.integers(0, 256, (*shape, channels), np.uint8) for _ in range(_EXAMPLES)
        ),
        labels=tuple(random.integers(0, classes, shape, np.uint8) for _ in range(_EXAMPLES)),
    )
    mean, std, *_ = channel_statistics(examples)
    config = DataConfig(crop_size=settings.crop_size, augment=augment)
    normalisation = Normalisation(tuple(mean.tolist()), tuple(std.tolist()))
    last_step = 2**62 // settings.batch
    window = window_maker(examples, config, normalisation, seed=0)
    return training_windows(window, settings.batch, 0, last_step)


def consuming(windows: tf.data.Dataset, settings: Settings) -> Workload:
    """A workload that takes batches and discards them."""

    def run(repetitions: int) -> float:
        # A new pipeline each time, so that it neither works nor stores batches between turns.
        batches = iter(windows)

        @timed
        def take(repetitions: int) -> None:
            for _ in range(repetitions):
                next(batches)

        take(_WARM_UP)
        taken = max(repetitions, _LEAST)
        return take(taken) * repetitions / taken

    return Workload(run, settings.batch)
