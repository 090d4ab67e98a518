"""Pipelines of a run: training batches, and images to evaluate and draw after each epoch."""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfadvseg.config import Config, LossConfig
from tfadvseg.data.examples import Examples, fitting, image_sizes, spread
from tfadvseg.data.feeds import Feed, Masks
from tfadvseg.data.masks import class_shares
from tfadvseg.data.normalisation import Normalisation, normalisation_of
from tfadvseg.data.pipeline import fixed_windows, whole_images
from tfadvseg.data.shares import WHOLE, Share
from tfadvseg.data.sources import Splits, has_labelled_target
from tfadvseg.data.windows import BoundaryMaps, window_maker
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.losses.boundary import boundary_weights
from tfadvseg.run.loading import RunData

_UNLABELLED_SEED = 2**20
"""Added to the run's seed, so that windows without labels differ from labelled ones."""

_MASKS_SEED = 2**21
"""Likewise, of masks of other images."""

_MOVES_PIXELS = ("rotate", "flip", "scale", "elastic")
"""Augmentations that a mask without an image takes part in."""

SAMPLES = 10

TRAINING_SAMPLE = 32
"""Training images, or windows of them, that are evaluated in addition to validation."""


@dataclass(frozen=True)
class RunInputs:
    """The pipelines of a run.

    Attributes:
        normalisation: normalisation of all images.
        feed: maker of the training batches.
        validation: validation images or windows.
        training_sample: training images or windows, in the form of `validation`; None with two
            domains, and if no training image fits.
        samples: validation windows to draw.
    """

    normalisation: Normalisation
    feed: Feed
    validation: tf.data.Dataset
    training_sample: tf.data.Dataset | None
    samples: tf.data.Dataset


def make_inputs(data: RunData, spec: ModelSpec, replicas: int, share: Share = WHOLE) -> RunInputs:
    """Makes the pipelines.

    Args:
        data: the examples.
        spec: spec of the model, with the normalisation.
        replicas: number of this process's replicas.
        share: this process's part of each batch.
    """
    config, splits = data.config, data.splits
    normalisation = normalisation_of(spec)
    val_size = (config.target if has_labelled_target(config) else config.data).crop_size
    windows = functools.partial(
        fixed_windows,
        crop_size=val_size,
        normalisation=normalisation,
        global_batch_size=share.size(config.run.global_batch_size),
        seed=config.run.seed,
    )
    boundaries = boundary_maps(config.loss, splits.val)
    count = config.data.val_windows
    if count:
        validation = windows(splits.val, count=count, boundaries=boundaries)
    else:
        validation = whole_images(splits.val, normalisation, replicas, boundaries)
    sample = _training_sample(config, splits)
    training_sample = None
    if sample is not None and count:
        training_sample = windows(sample, count=TRAINING_SAMPLE)
    elif sample is not None:
        training_sample = whole_images(sample, normalisation, replicas)
    drawn = fitting(splits.val, val_size)
    assert drawn is not None  # `checks.check_images`
    return RunInputs(
        normalisation,
        _feed(config, splits.train, data, normalisation, share),
        validation,
        training_sample,
        windows(drawn, count=SAMPLES),
    )


def _feed(
    config: Config, labelled: Examples, data: RunData, normalisation: Normalisation, share: Share
) -> Feed:
    run, unlabelled = config.run, data.unlabelled
    boundaries = boundary_maps(config.loss, labelled)
    unlabelled_window = None
    labelled_window = window_maker(labelled, config.data, normalisation, run.seed, boundaries)
    if unlabelled is not None:
        own = config.target_data() if config.target.dataset else config.data
        unlabelled_window = window_maker(
            unlabelled, own, normalisation, run.seed + _UNLABELLED_SEED
        )
    return Feed(
        labelled_window,
        unlabelled_window,
        config.windows_per_update,
        run.steps_per_epoch,
        run.seed,
        normalisation,
        config.unlabelled_per_update,
        _masks(config, data),
        share,
    )


def _masks(config: Config, data: RunData) -> Masks | None:
    if data.masks is None:
        return None
    moves = tuple(name for name in config.data.augment if name in _MOVES_PIXELS)
    window = window_maker(
        data.masks,
        dataclasses.replace(config.data, augment=moves),
        Normalisation((0.0,), (1.0,)),
        config.run.seed + _MASKS_SEED,
    )
    return Masks(window, class_shares(data.masks, data.splits.descriptor.num_classes))


def _training_sample(config: Config, splits: Splits) -> Examples | None:
    """Training images that can be evaluated in the same way as validation images."""
    train = splits.train
    if config.target.dataset:
        return None
    if config.data.val_windows:
        # With --augment=scale, training images may be smaller than a window.
        large = fitting(train, config.data.crop_size)
        return None if large is None else spread(large, TRAINING_SAMPLE)
    largest = max(h * w for h, w in image_sizes(splits.val))
    chosen = [i for i, (h, w) in enumerate(image_sizes(train)) if h * w <= largest]
    return spread(train.subset(chosen), TRAINING_SAMPLE) if chosen else None


def boundary_maps(config: LossConfig, examples: Examples) -> BoundaryMaps | None:
    """Boundary weights of whole images; None if the loss does not use them."""
    if not config.boundary_weight:
        return None
    unit = config.boundary_weight / 255
    levels = [
        np.rint(
            boundary_weights(label, w0=config.boundary_weight, sigma=config.boundary_sigma) / unit
        ).astype(np.uint8)
        for label in examples.labels or ()
    ]
    return BoundaryMaps(tuple(levels), unit)
