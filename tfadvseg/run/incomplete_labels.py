"""Incomplete labels of the training images, and masks of other images beside them."""

import dataclasses

from absl import logging

from tfadvseg.config import Config
from tfadvseg.data.colour_map import read_colour_map
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.examples import Examples
from tfadvseg.data.masks import check_masks, read_masks, without_images
from tfadvseg.data.partial_labels import with_marks_only
from tfadvseg.data.sources import Splits, load_split
from tfadvseg.errors import UserError, of_masks


def with_marks_alone(config: Config, splits: Splits) -> Splits:
    """The same with `--label_fraction` of the training images' labels."""
    data = config.data
    if data.label_fraction == 1:
        return splits
    train = with_marks_only(splits.train, data.label_fraction, data.label_marks, config.run.seed)
    return dataclasses.replace(splits, train=train)


def load_masks(
    config: Config, descriptor: DatasetDescriptor, validated: tuple[str, ...]
) -> Examples | None:
    """The masks of `--masks_dir` or `--masks_split`, if there are any.

    Args:
        config: the run.
        descriptor: of the dataset.
        validated: keys of the images that are validated on, of which masks are warned of.

    Raises:
        UserError: they cannot be read, or are of other classes or too small for D's windows.
    """
    method, data = config.method, config.data
    if method.masks_dir is not None:
        colours = data.colour_map and read_colour_map(data.colour_map, data.class_names)
        masks = read_masks(
            method.masks_dir, dict(data.value_map), descriptor.num_classes, colours or None
        )
    elif method.masks_split is not None:
        try:
            _, examples = load_split(data, method.masks_split, config.run.seed)
        except UserError as error:
            raise of_masks(error, method.masks_flag) from error
        if examples.labels is None:
            raise UserError(f"{method.masks_flag}: has no labels; choose a part that has.")
        masks = without_images(examples.keys, tuple(examples.labels))
        if shared := {*masks.keys} & {*validated}:
            logging.warning(
                "%s: %d of %d masks are those of validation images.",
                method.masks_flag,
                len(shared),
                len(masks),
            )
    else:
        return None
    check_masks(masks, data.crop_size, method.masks_flag)
    logging.info("Masks of other images: %d.", len(masks))
    return masks
