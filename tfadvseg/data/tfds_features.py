"""Which features of a TFDS dataset are its images and its labels."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg.errors import UserError

Feature: TypeAlias = Any
"""A `tfds.features.FeatureConnector`; TFDS tells type checkers nothing of it."""


def flattened(features: Mapping[str, Feature], ahead: str = "") -> dict[str, Feature]:
    """Every feature that is not a dictionary itself, by its path: `left/image`."""
    found: dict[str, Feature] = {}
    for name, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            found |= flattened(feature, f"{ahead}{name}/")
        else:
            found[ahead + name] = feature
    return found


def value_at(example: Mapping[str, Any], path: str) -> Any:
    """The value of a feature in an example; a name may contain slashes, too."""
    if path in example:
        return example[path]
    for name, inner in example.items():
        if path.startswith(f"{name}/") and isinstance(inner, Mapping):
            return value_at(inner, path.removeprefix(f"{name}/"))
    raise KeyError(path)


def find_features(
    features: Mapping[str, Feature], image: str, label: str, coloured: bool = False
) -> tuple[str, str]:
    """The paths of the images and of the labels, guessed where there is one candidate.

    Labels are the feature that says so (`LabeledImage`), or else that of whole numbers in a single
    channel; images are any other one, of several channels if there is such a one.

    Args:
        features: of a dataset.
        image, label: what the flags say; empty: guess.
        coloured: whether labels are colours.

    Raises:
        UserError: there is no such feature, or none or several that could be it.
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
            f"--image_feature={image} and --label_feature={label}: labels are another feature; "
            f"there are {', '.join(every)}."
        )
    return image, label


def _only(names: list[str], flag: str, every: Mapping[str, Feature]) -> str:
    if len(names) == 1:
        return names[0]
    if names:
        raise UserError(f"--{flag}: {', '.join(names)} could be it; say which.")
    kind = "labels of pixels" if flag == "label_feature" else "images"
    raise UserError(
        f"--{flag}: no feature looks like {kind}; if one is, say which of {', '.join(every)}."
    )


def _is_picture(feature: Feature) -> bool:
    if isinstance(feature, tfds.features.Image):
        return True
    return type(feature) is tfds.features.Tensor and (
        len(feature.shape) == 3 or (len(feature.shape) == 2 and _is_whole(feature))
    )


def _is_map(feature: Feature) -> bool:
    """Whether its pixels are one whole number each."""
    return _is_whole(feature) and (len(feature.shape) == 2 or feature.shape[-1] == 1)


def _is_whole(feature: Feature) -> bool:
    return np.issubdtype(feature.np_dtype, np.integer)
