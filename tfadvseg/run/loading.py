"""Loads what a run trains and validates on, and settles what its examples decide."""

import dataclasses
from dataclasses import dataclass

from absl import logging

from tfadvseg.config import Config
from tfadvseg.data.examples import Examples, fingerprint, image_sizes
from tfadvseg.data.sources import (
    Splits,
    has_labelled_target,
    load_split,
    load_splits,
    load_target,
    load_unlabelled,
)
from tfadvseg.errors import UserError, of_target
from tfadvseg.run.checks import check_descriptor, check_images

_LARGEST_WHOLE = 2048 * 2048
"""Pixels of the largest validation image that is measured whole after each epoch."""

_MOST_WINDOWS = 800
"""Validation windows that are measured instead, as in the ISBI 2012 experiment."""


@dataclass(frozen=True)
class RunData:
    """What a run trains and validates on.

    Attributes:
        config: the run, with what its examples decide filled in.
        splits: labelled examples.
        unlabelled: images that are trained on without labels, or None.
        fingerprint: of all of them.
    """

    config: Config
    splits: Splits
    unlabelled: Examples | None
    fingerprint: str


def load_data(config: Config, own: Splits | None = None) -> RunData:
    """Loads and checks the examples of a run.

    Args:
        config: the run.
        own: examples that were given from Python, in place of a dataset.

    Raises:
        UserError: they cannot be read, or do not fit the configuration.
    """
    splits, unlabelled = (own, None) if own is not None else load_domains(config)
    config = _with_lengths(config, splits)
    check_descriptor(config, splits.descriptor)
    check_images(config, splits, unlabelled)
    parts = [splits.train, splits.val, *filter(None, [unlabelled])]
    return RunData(config, splits, unlabelled, fingerprint(*parts))


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
        if config.method.rules.unlabelled:
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
