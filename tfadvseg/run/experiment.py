"""A whole run: data, networks, training, what it measures and what it leaves.

The one place that puts the rooms of the house together; the command train calls `run_experiment`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfadvseg.config import Config, DataConfig, LossConfig
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.data.examples import Examples, channel_statistics, fingerprint, image_sizes
from tfadvseg.data.lazy import told_plainly
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.sets.catalogue import known_descriptor
from tfadvseg.data.sources import (
    Splits,
    has_labelled_target,
    load_split,
    load_splits,
    load_target,
    load_unlabelled,
)
from tfadvseg.errors import UserError, of_target
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.checkpoints import checkpoint_paths, restore_newest
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.flags.flagfile import flags_text
from tfadvseg.interop.sources import SOURCES
from tfadvseg.interop.weights import initialise
from tfadvseg.losses.class_weights import class_weights, image_class_pixels
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.phases import plan_epoch
from tfadvseg.run.checks import (
    check_continued,
    check_descriptor,
    check_images,
    check_source,
    check_target,
    only_trainer,
    warn_of_steps,
)
from tfadvseg.run.outputs import RunOutput
from tfadvseg.run.result import Result, earlier_result, finish_run
from tfadvseg.run.start_facts import write_start_facts
from tfadvseg.training.distribution import check_batch_size, choose_precision, choose_strategy
from tfadvseg.training.loop import run_updates
from tfadvseg.training.state import TrainState, build_state

_LARGEST_WHOLE = 2048 * 2048
"""Pixels of a validation image that is measured in one pass after each epoch."""

_MOST_WINDOWS = 800
"""That are measured instead, as the ISBI 2012 experiment does."""


def prepare_machine(config: Config) -> tf.distribute.Strategy:
    """Sets precision, seeds and determinism for this process.

    Raises:
        UserError: the replicas cannot share a batch, or XLA does not fit.
    """
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(config.run.seed)
    tf.keras.mixed_precision.set_global_policy(choose_precision(config.run.precision))
    strategy = choose_strategy(config.run.strategy)
    check_batch_size(config.run.global_batch_size, strategy)
    if config.run.xla and strategy.num_replicas_in_sync > 1:
        raise UserError("--xla: works with one replica only; leave it out or --strategy=default.")
    return strategy


def run_experiment(config: Config) -> Result:
    """Trains, or continues training, and writes everything that a run leaves.

    Raises:
        UserError: the data, the flags or the output directory do not allow it, or it holds
            another run, or another process trains there; nothing is written then. Or training
            diverged: the last checkpoint is intact.
        training.loop.Stopped: a signal came; the state was saved.
    """
    strategy = prepare_machine(config)
    output = Path(config.run.output_dir)
    with only_trainer(output):
        return _train_in(output, config, strategy)


def _train_in(output: Path, config: Config, strategy: tf.distribute.Strategy) -> Result:
    begins = not checkpoint_paths(output / "checkpoints")
    check_continued(output, config, begins)
    as_flags = flags_text(config)
    check_source(config.segmenter, begins)
    # Before files are prepared, which may take long.
    if descriptor := known_descriptor(config.data):
        check_descriptor(config, descriptor)
    if config.target.dataset:
        check_target(config.target)
    warn_of_steps(config)
    splits, target = load_domains(config)
    config = _with_lengths(config, splits)
    check_descriptor(config, splits.descriptor)
    check_images(config, splits, target)
    if not begins:  # the file may be gone by now
        segmenter = dataclasses.replace(config.segmenter, backbone_weights=None)
        config = dataclasses.replace(config, segmenter=segmenter)
    # Files of weights may be unfit: read before all images and labels are gone through.
    with strategy.scope():
        state = build_state(config, splits.descriptor)
    if config.segmenter.weights and begins:
        _start_from(config.segmenter, state)
    terms = segmentation_terms(config.loss, splits)
    data_fingerprint = fingerprint(splits.train, splits.val, *filter(None, [target]))
    earlier = None if begins else _earlier_spec(output, data_fingerprint)
    spec = _describe(config, splits, data_fingerprint, earlier)
    run = RunOutput(config, splits, spec, state, strategy, terms, output, target)
    _start_output(output, spec, as_flags, splits.train.keys)
    for folder in ("", "plots", "export", "checkpoints", "best"):
        atomic.remove_leftovers(output / folder)
    restore_newest(run.checkpoint, output / "checkpoints")
    phases = plan_epoch(config, state, terms)
    total = config.run.epochs * sum(phase.updates for phase in phases)
    update = int(state.step.numpy())
    if not update:
        parts = {"train": splits.train, "validation": splits.val, "target": target}
        batches = {phase.name: run.batches(phase, 0, 0) for phase in phases}
        write_start_facts(output, parts, state.segmenter.model, phases, batches)
    over = update >= total or run.is_over(update)
    result = earlier_result(output, update, total) if over else None
    if result and ("export" in result.made or not config.run.export):
        return result
    with told_plainly():
        if not over:
            run.start_logging()
            try:
                run_updates(config, phases, strategy, state.step, run.log, run)
            finally:
                run.tensorboard.finish_stretch()
        return finish_run(config, spec, splits, state, run.log, output)


def _with_lengths(config: Config, splits: Splits) -> Config:
    """Fills in what a run's examples decide: steps an epoch, and windows that validate."""
    run, data = config.run, config.data
    if not run.steps_per_epoch:
        steps = -(-len(splits.train) // config.windows_per_update)
        run = dataclasses.replace(run, steps_per_epoch=steps)
    size = config.target.crop_size if has_labelled_target(config) else data.crop_size
    areas = [height * width for height, width in image_sizes(splits.val)]
    if not data.val_windows and max(areas) > _LARGEST_WHOLE:
        count = min(-(-sum(areas) // (size[0] * size[1])), _MOST_WINDOWS)
        data = dataclasses.replace(data, val_windows=count)
        logging.info(
            "Validation images are too large to go through whole beside training: %d windows of "
            "them are measured after each epoch, whole ones at the end.",
            count,
        )
    return dataclasses.replace(config, run=run, data=data)


def load_domains(config: Config) -> tuple[Splits, Examples | None]:
    """What S learns from and is measured on, and the images to adapt to, if there are any.

    With a target, that is where S is measured: nothing of it is trained on but images, and these
    with `--method=adaptation` only.

    Raises:
        UserError: as `data.sources.load_splits` and `load_unlabelled`.
    """
    seed, target = config.run.seed, config.target
    if not target.dataset:
        return load_splits(config.data, seed), None
    descriptor, train = load_split(config.data, "train", seed)
    if train.labels is None:
        raise UserError(f"--dataset={config.data.dataset}: has no labels to learn from.")
    try:
        images = None
        if config.method.adapts:
            images = load_unlabelled(target, "train", seed, descriptor)
        val = full_val = None
        if has_labelled_target(config):
            val = load_target(target, "validation", seed, descriptor)
            if target.resize:
                # What is published of domain adaptation is measured on labels as they are.
                full = dataclasses.replace(target, resize=())
                full_val = load_target(full, "validation", seed, descriptor)
    except UserError as error:
        raise of_target(error) from None
    val_data = target
    if val is None or val.labels is None:
        logging.warning("The target has no labels to measure on; the source's are taken.")
        if config.segmenter.batch_norm == "per_domain":
            logging.warning("They are measured under batch norm's statistics of the target.")
        val, full_val, val_data = load_splits(config.data, seed).val, None, config.data
    return Splits(descriptor, train, val, val_data, full_val), images


def _start_from(config: SegmenterConfig, state: TrainState) -> None:
    """Loads a published file into every segmenter."""
    assert config.weights is not None
    for learner in state.segmenters().values():
        report = initialise(learner.model, config.weights, SOURCES[config.weights_source])
        if learner.averaged is not None:
            learner.averaged.set_weights(learner.model.get_weights())
    logging.info("%s: %s.", config.weights, report)
    if expects := SOURCES[config.weights_source].expects:
        logging.info("%s: was trained on images as %s.", config.weights, expects)


def segmentation_terms(config: LossConfig, splits: Splits) -> SegmentationTerms:
    """The terms of the segmentation loss; warns of classes that no training image holds.

    Unless a rule of weights asks for counts, labels are gone through only until every class was
    met.

    Raises:
        UserError: given weights do not fit the classes, or nothing is labelled.
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
    """Pixels of each class in each label, [N,K]; `enough` to stop where all classes were met."""
    if enough and isinstance(labels, OnDisk):
        # Frames of a drive resemble their neighbours; in another order few meet every class.
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
    config: Config, splits: Splits, data_fingerprint: str, earlier: ModelSpec | None
) -> ModelSpec:
    """What the run's weights need besides."""
    # The domain that the network is for.
    own = config.target_data() if config.target.dataset else config.data
    if earlier is None:
        mean, std = _normalisation(config.data, splits.train)
    else:  # of the same images: they need not be gone through again
        mean, std = earlier.mean, earlier.std
    return ModelSpec(
        segmenter=config.segmenter.architecture(),
        class_names=splits.descriptor.class_names,
        palette=splits.descriptor.palette,
        image_channels=splits.descriptor.image_channels,
        mean=mean,
        std=std,
        foreground_class=splits.descriptor.foreground_class,
        dataset=own.dataset,
        crop_size=own.crop_size,
        data_fingerprint=data_fingerprint,
        channel_order=config.data.channel_order,
        resize=own.resize,
        darkfield_accuracy=splits.descriptor.darkfield_accuracy,
        test_scales=config.run.test_scales,
    )


def _normalisation(
    config: DataConfig, train: Examples
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation a channel: as given, or those of the training images."""
    if config.mean:
        return config.mean, config.std
    mean, std = channel_statistics(train)
    return tuple(mean.tolist()), tuple(std.tolist())


def _earlier_spec(output: Path, data_fingerprint: str) -> ModelSpec | None:
    """What an earlier start of the run wrote; refuses one that was trained on other data."""
    if not (output / model_spec.FILE_NAME).exists():
        return None
    earlier = ModelSpec.load(output)
    if earlier.data_fingerprint != data_fingerprint:
        raise UserError(
            f"--output_dir={output}: this run was trained on other data; the files have changed "
            "since. Give another --output_dir."
        )
    return earlier


def _start_output(
    output: Path, spec: ModelSpec, as_flags: str, trained_on: tuple[str, ...]
) -> None:
    """Makes the output directory, and writes what is known before training."""
    try:
        atomic.write_text(output / model_spec.RUN_FLAGS, as_flags)
        atomic.write_text(output / model_spec.FILE_NAME, spec.to_json())
        atomic.write_text(output / model_spec.TRAINED_ON, "".join(f"{key}\n" for key in trained_on))
    except OSError as error:
        raise UserError(f"--output_dir={output}: cannot write there ({error.strerror}).") from None
