"""Loads the examples of a run, and fills in the options that depend on them."""

import dataclasses
from dataclasses import dataclass

from absl import logging

from tfadvseg.config import Config
from tfadvseg.data.examples import Examples, fingerprint, image_sizes, images_of
from tfadvseg.data.few_labels import draw_labelled
from tfadvseg.data.sources import (
    Splits,
    has_labelled_target,
    load_further_images,
    load_split,
    load_splits,
    load_target,
    load_unlabelled,
)
from tfadvseg.errors import UserError, of_target, of_unlabelled
from tfadvseg.run.checks import all_labelled, check_descriptor, check_images
from tfadvseg.run.incomplete_labels import load_masks, with_marks_alone

_LARGEST_WHOLE = 2048 * 2048
"""Largest validation image, in pixels, that is evaluated whole after each epoch."""

_MOST_WINDOWS = 800
"""Largest number of validation windows used instead, as in the ISBI 2012 experiment."""


@dataclass(frozen=True)
class RunData:
    """Examples that a run trains and validates on.

    Attributes:
        config: configuration of the run, with the options that depend on its examples filled in.
        splits: labelled examples; with `--labelled_images`, the training images that were drawn.
        unlabelled: images to train on without labels, or None.
        fingerprint: fingerprint of all examples.
        trained_on: keys of the dataset's images to train on, with or without labels.
        masks: masks of other images, without these images, or None.
    """

    config: Config
    splits: Splits
    unlabelled: Examples | None
    fingerprint: str
    trained_on: tuple[str, ...]
    masks: Examples | None = None


def load_data(config: Config, own: Splits | None = None) -> RunData:
    """Loads and checks the examples of a run.

    Args:
        config: configuration of the run.
        own: the user's own examples, given from Python instead of a dataset.

    Raises:
        UserError: they cannot be read, or do not fit the configuration.
    """
    splits, target = (own, None) if own is not None else load_domains(config)
    splits = with_marks_alone(config, with_drawn_labels(config, splits))
    masks = load_masks(config, splits.descriptor, splits.val.keys)
    unlabelled, trained_on = target, splits.train.keys
    if target is None and "images" in config.method.rules.unlabelled:
        unlabelled = images_without_labels(config, splits)
        if splits.unlabelled is not None:
            trained_on += splits.unlabelled.keys
    config = _with_lengths(config, splits)
    check_descriptor(config, splits.descriptor)
    check_images(config, splits, unlabelled)
    parts = [splits.train, splits.val, *filter(None, [unlabelled, masks])]
    return RunData(config, splits, unlabelled, fingerprint(*parts), trained_on, masks)


def with_drawn_labels(config: Config, splits: Splits) -> Splits:
    """The same with the labels of `--labelled_images` training images only.

    Raises:
        UserError: there are fewer.
    """
    count = config.few_labels.labelled_images
    if not count:
        return splits
    train, others = draw_labelled(
        splits.train, count, splits.descriptor.class_names, config.run.seed
    )
    every = [part for part in (others, splits.unlabelled) if part]
    return dataclasses.replace(splits, train=train, unlabelled=images_of(every) if every else None)


def images_without_labels(config: Config, splits: Splits) -> Examples:
    """The training images whose labels are not used, and those of the `--unlabelled_` flags.

    Further images that are the training images once more are left out. Logs how many there are,
    and a warning where images that are validated on are among them.

    Raises:
        UserError: there are none, or further ones cannot be read or are not like the others.
    """
    few, parts = config.few_labels, []
    if splits.unlabelled:
        parts.append(splits.unlabelled)
    if few.names_further_images:
        parts += filter(None, [_further_images(config, splits)])
    if not parts:
        raise all_labelled(config)
    every = images_of(parts)
    logging.info("Training images: %d with labels, %d without.", len(splits.train), len(every))
    return every


def _further_images(config: Config, splits: Splits) -> Examples | None:
    """The images of the `--unlabelled_` flags that are not training images; None if all are."""
    few, data = config.few_labels, config.few_labels.further_data(config.data)
    try:
        further = load_further_images(
            data, few.unlabelled_split, config.run.seed, splits.descriptor
        )
    except UserError as error:
        raise of_unlabelled(error) from None
    if (data.dataset, data.data_dir) != (config.data.dataset, config.data.data_dir):
        return further
    known = {*splits.train.keys, *(splits.unlabelled.keys if splits.unlabelled else ())}
    others = [i for i, key in enumerate(further.keys) if key not in known]
    validated = {*splits.val.keys}.intersection(further.keys)
    if validated:
        logging.warning(
            "%d of %d validation images are trained on, too, without their labels; what is "
            "measured is not of unseen images.",
            len(validated),
            len(splits.val),
        )
    return further.subset(others) if others else None


def _with_lengths(config: Config, splits: Splits) -> Config:
    """Fills in the options that depend on the examples: updates per epoch, validation windows."""
    run, data = config.run, config.data
    if not run.steps_per_epoch:
        # Whether labels are used or not: S alone is as long in training as with the other images.
        images = len(splits.train) + len(splits.unlabelled or ())
        steps = -(-images // config.windows_per_update)
        run = dataclasses.replace(run, steps_per_epoch=steps)
    size = config.target.crop_size if has_labelled_target(config) else data.crop_size
    areas = [height * width for height, width in image_sizes(splits.val)]
    if not data.val_windows and max(areas) > _LARGEST_WHOLE:
        count = min(-(-sum(areas) // (size[0] * size[1])), _MOST_WINDOWS)
        data = dataclasses.replace(data, val_windows=count)
        logging.info(
            "Validation images are too large to evaluate whole after each epoch: %d windows of "
            "them are evaluated instead, and whole images at the end.",
            count,
        )
    return dataclasses.replace(config, run=run, data=data)


def load_domains(config: Config) -> tuple[Splits, Examples | None]:
    """Labelled examples to train and validate on, and the images to adapt to, if there are any.

    With a target domain, S is validated on the target. Training uses the target's images without
    their labels, and only with methods that take unlabelled images.

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
        if "target" in config.method.rules.unlabelled:
            images = load_unlabelled(target, "train", seed, descriptor)
        val = full_val = None
        if has_labelled_target(config):
            val = load_target(target, "validation", seed, descriptor)
            if target.resize:
                # Published results of domain adaptation use labels that are not resized.
                full = dataclasses.replace(target, resize=())
                full_val = load_target(full, "validation", seed, descriptor)
    except UserError as error:
        raise of_target(error) from None
    val_data = target
    if val is None or val.labels is None:
        logging.warning("The target has no labels to validate on; source images are used instead.")
        if config.segmenter.batch_norm == "per_domain":
            logging.warning("They are evaluated with batch norm's statistics of the target.")
        val, full_val, val_data = load_splits(config.data, seed).val, None, config.data
    return Splits(descriptor, train, val, val_data, full_val), images
