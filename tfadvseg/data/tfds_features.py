"""Finds the features of a TFDS dataset that are its images and its labels."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg.errors import UserError

Feature: TypeAlias = Any
"""A `tfds.features.FeatureConnector`, which has no type hints."""


def flattened(features: Mapping[str, Feature], ahead: str = "") -> dict[str, Feature]:
    """All features that are not dictionaries themselves, by their paths, such as `left/image`."""
    found: dict[str, Feature] = {}
    for name, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            found |= flattened(feature, f"{ahead}{name}/")
        else:
            found[ahead + name] = feature
    return found


def value_at(example: Mapping[str, Any], path: str) -> Any:
    """Value of a feature in an example, by its path; names may also contain slashes."""
    if path in example:
        return example[path]
    for name, inner in example.items():
        if path.startswith(f"{name}/") and isinstance(inner, Mapping):
            return value_at(inner, path.removeprefix(f"{name}/"))
    raise KeyError(path)


def find_features(
    features: Mapping[str, Feature], image: str, label: str, coloured: bool = False
) -> tuple[str, str]:
    """Paths of the images and of the labels; those not given are guessed if there is one candidate.

    Labels are the feature of type `LabeledImage`, or otherwise the one of integers in a single
    channel. Images are the other feature, preferably one with several channels.

    Args:
        features: features of a dataset.
        image, label: values of the flags; empty means to guess.
        coloured: whether labels are colours.

    Raises:
        UserError: a given feature does not exist, or there is no candidate, or several.
    """
    every = flattened(features)
    for flag, name in (("image_feature", image), ("label_feature", label)):
        if name and name not in every:
            raise UserError(f"--{flag}={name}: no such feature; there are {', '.join(every)}.")
    if not label:
        maps = [name for name, feature in every.items() if name != image and _is_picture(feature)]
        named = [n for n in maps if isinstance(every[n], tfds.features.LabeledImage)]
        if coloured:
            fit: Callable[[Feature], bool] = lambda feature: not _is_map(feature)  # noqa: E731
        else:
            fit = _is_map
        label = _only(named or [n for n in maps if fit(every[n])], "label_feature", every)
    if not image:
        pictures = [
            name
            for name, feature in every.items()
            if name != label
            and _is_picture(feature)
            and not isinstance(feature, tfds.features.LabeledImage)
        ]
        several = [name for name in pictures if not _is_map(every[name])]
        image = _only(several or pictures, "image_feature", every)
    if image == label:
        raise UserError(
            f"--image_feature={image} and --label_feature={label}: give two different features "
            f"out of {', '.join(every)}."
        )
    return image, label


def _only(names: list[str], flag: str, every: Mapping[str, Feature]) -> str:
    if len(names) == 1:
        return names[0]
    if names:
        raise UserError(f"--{flag}: give one of the candidates {', '.join(names)}.")
    kind = "labels per pixel" if flag == "label_feature" else "images"
    raise UserError(
        f"--{flag}: no feature looks like {kind}; if one is, give it: {', '.join(every)}."
    )


def _is_picture(feature: Feature) -> bool:
    if isinstance(feature, tfds.features.Image):
        return True
    return type(feature) is tfds.features.Tensor and (
        len(feature.shape) == 3 or (len(feature.shape) == 2 and _is_whole(feature))
    )


def _is_map(feature: Feature) -> bool:
    """Whether each pixel is a single integer."""
    return _is_whole(feature) and (len(feature.shape) == 2 or feature.shape[-1] == 1)


def _is_whole(feature: Feature) -> bool:
    return np.issubdtype(feature.np_dtype, np.integer)
