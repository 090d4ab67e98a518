"""Builds a run's networks, its loss, and the spec that is stored with its weights."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfadvseg.config import Config, DataConfig, LossConfig
from tfadvseg.config.resolve import architecture
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.data.examples import Examples, channel_statistics
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.pictures import percentile_scaled
from tfadvseg.data.sources import Splits
from tfadvseg.errors import UserError
from tfadvseg.files import model_spec
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.interop.sources import SOURCES
from tfadvseg.interop.weights import initialise
from tfadvseg.losses.class_weights import class_weights, image_class_pixels
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.building import build_state
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.methods.method import Method
from tfadvseg.models.own import same_function
from tfadvseg.run.checks import Start
from tfadvseg.run.loading import RunData
from tfadvseg.run.parts import Parts
from tfadvseg.training.state import Builder, TrainState


@dataclass(frozen=True)
class Networks:
    """Networks of a run, with method, loss and spec.

    Attributes:
        state: networks and optimizers.
        method: the training method.
        terms: terms of the segmentation loss.
        spec: spec of the model, stored with its weights.
    """

    state: TrainState
    method: Method
    terms: SegmentationTerms
    spec: ModelSpec


def build_networks(
    start: Start, data: RunData, parts: Parts, strategy: tf.distribute.Strategy
) -> Networks:
    """Builds the networks; a run that begins loads its files of initial weights, if any.

    Raises:
        UserError: a file of weights does not fit, or the run was begun with other data.
    """
    config, method = data.config, parts.method or METHODS[data.config.method.method]
    if not start.begins:  # the file may be gone by now
        segmenter = dataclasses.replace(config.segmenter, backbone_weights=None)
        config = dataclasses.replace(config, segmenter=segmenter)
    with strategy.scope():
        build = Builder(config, data.splits.descriptor, parts.segmenter, parts.discriminator)
        state = build_state(build, method)
    # Files of weights may be invalid: they are read before the long pass over images and labels.
    if config.segmenter.weights and start.begins:
        _start_from(config.segmenter, state)
    terms = segmentation_terms(config.loss, data.splits)
    own_parts = parts.names()
    earlier = None if start.begins else _earlier_spec(start.output, data.fingerprint, own_parts)
    spec = _describe(config, data, earlier, own_parts)
    return Networks(state, method, terms, spec)


def _start_from(config: SegmenterConfig, state: TrainState) -> None:
    """Loads a published file into every segmenter."""
    assert config.weights is not None
    for learner in (state.segmenters() | state.teachers()).values():
        report = initialise(learner.model, config.weights, SOURCES[config.weights_source])
        if learner.averaged is not None:
            learner.averaged.set_weights(learner.model.get_weights())
    logging.info("%s: %s.", config.weights, report)
    if expects := SOURCES[config.weights_source].expects:
        logging.info("%s: was trained on images in the form %s.", config.weights, expects)


def segmentation_terms(config: LossConfig, splits: Splits) -> SegmentationTerms:
    """Terms of the segmentation loss; warns of classes that no training image contains.

    Unless class weights need pixel counts, labels are read only until every class has occurred.

    Raises:
        UserError: the given weights do not fit the classes, or no pixel is labelled.
    """
    descriptor, labels = splits.descriptor, splits.train.labels
    assert labels is not None
    counted = config.class_weights in ("one_minus_frequency", "median_frequency")
    pixels = _class_pixels(labels, descriptor.num_classes, enough=not counted)
    found, warnings = class_weights(config.class_weights, pixels, descriptor.class_names)
    for warning in warnings:
        logging.warning("%s", warning)
    weights = found if config.class_weights != "none" else None
    if weights:
        named = zip(descriptor.class_names, weights, strict=True)
        logging.info("Class weights: %s", ", ".join(f"{name} {w:.4g}" for name, w in named))
    return SegmentationTerms(weights, config.lambda_dice, config.lambda_focal, config.focal_gamma)


def _class_pixels(labels: Sequence[np.ndarray], num_classes: int, enough: bool) -> np.ndarray:
    """Pixels per label and class, [N,K]; with `enough`, stops once every class has occurred."""
    if enough and isinstance(labels, OnDisk):
        # Neighbouring frames of a video are alike; a random order finds every class sooner.
        order = np.random.default_rng(0).permutation(len(labels))
        labels = OnDisk(labels.stored[i] for i in order)
    rows: list[np.ndarray] = []
    met = np.zeros(num_classes, bool)
    for label in labels:
        rows.append(image_class_pixels(label, num_classes))
        met |= rows[-1] > 0
        if enough and met.all():
            break
    return np.stack(rows)


def _describe(
    config: Config, data: RunData, earlier: ModelSpec | None, own_parts: dict[str, str]
) -> ModelSpec:
    """The spec that is stored with the run's weights."""
    splits = data.splits
    # The domain on which the network will be used.
    used_on = config.target_data() if config.target.dataset else config.data
    if earlier is None:
        mean, std, low, high = _normalisation(config.data, splits.train)
    else:  # the images are the same
        mean, std, low, high = earlier.mean, earlier.std, earlier.low, earlier.high
    return ModelSpec(
        segmenter=architecture(config.segmenter),
        class_names=splits.descriptor.class_names,
        palette=splits.descriptor.palette,
        image_channels=splits.descriptor.image_channels,
        mean=mean,
        std=std,
        foreground_class=splits.descriptor.foreground_class,
        dataset=used_on.dataset,
        crop_size=used_on.crop_size,
        data_fingerprint=data.fingerprint,
        channel_order=config.data.channel_order,
        resize=used_on.resize,
        darkfield_accuracy=splits.descriptor.darkfield_accuracy,
        test_scales=config.run.test_scales,
        own_parts=own_parts,
        image_dtype=splits.descriptor.image_dtype,
        low=low,
        high=high,
        normalise=config.data.normalise,
        channels=used_on.channels,
        axes=used_on.axes,
    )


def _normalisation(config: DataConfig, train: Examples) -> tuple[tuple[float, ...], ...]:
    """Mean, standard deviation, low and high per channel: of the training images unless given.

    Low and high are empty for images of 8 bits and for images that are scaled by percentiles.
    """
    scaled = config.normalise == "percentile"
    deep = not scaled and train.images[0].dtype != np.uint8
    if config.mean and not deep:
        return config.mean, config.std, (), ()
    mean, std, *limits = channel_statistics(train, percentile_scaled if scaled else None)
    low, high = (tuple(limit.tolist()) if deep else () for limit in limits)
    if config.mean:
        return config.mean, config.std, low, high
    return tuple(mean.tolist()), tuple(std.tolist()), low, high


def _same_parts(earlier: dict[str, str], now: dict[str, str]) -> bool:
    return earlier.keys() == now.keys() and all(
        same_function(earlier[part], now[part]) for part in now
    )


def _earlier_spec(
    output: Path, data_fingerprint: str, own_parts: dict[str, str]
) -> ModelSpec | None:
    """The spec written when the run was begun; refuses other data and other parts."""
    if not (output / model_spec.FILE_NAME).exists():
        return None
    earlier = ModelSpec.load(output)
    if not _same_parts(earlier.own_parts, own_parts):
        was, now = (", ".join(parts.values()) or "none" for parts in (earlier.own_parts, own_parts))
        raise UserError(
            f"--output_dir={output}: this run was begun with other parts of your own ({was}; now "
            f"{now}). Give the same parts, or another --output_dir."
        )
    if earlier.data_fingerprint != data_fingerprint:
        what = "examples given from Python" if "examples" in own_parts else "files"
        raise UserError(
            f"--output_dir={output}: this run was trained on other data; the {what} have changed "
            "since then. Give another --output_dir."
        )
    return earlier
