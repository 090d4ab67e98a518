"""Likely faults of a dataset, as sentences. No TensorFlow here."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tfadvseg.data.shift import likely_shift
from tfadvseg.data.survey import Survey
from tfadvseg_datasets.pairs import some

MANY_IGNORED = 0.5
"""A larger share of ignored pixels is reported as a fault."""


def find_faults(parts: Mapping[str, Survey], class_names: Sequence[str]) -> list[str]:
    """Sentences about missing classes, unlabelled or shifted pixels, and repeated images.

    Args:
        parts: parts by name; `train` is among them.
        class_names: names of all classes.
    """
    labelled = {name: part for name, part in parts.items() if part.pixels.any()}
    return [
        *_of_classes(parts, labelled, class_names),
        *_of_ignored(labelled),
        *_of_shifts(labelled),
        *_of_duplicates(parts),
    ]


def _of_classes(
    parts: Mapping[str, Survey], labelled: Mapping[str, Survey], names: Sequence[str]
) -> list[str]:
    if "train" not in labelled:
        return ["No training image has a labelled pixel."]
    train = parts["train"]
    faults = []
    absent = [name for name, count in zip(names, train.images, strict=True) if count == 0]
    if absent:
        faults.append(f"No training image contains {some(absent)}, so S cannot learn it.")
    if len(train) > 1:
        for name, count in zip(names, train.images, strict=True):
            if count == 1:
                (key,) = (
                    key
                    for key, pixels in zip(train.keys, train.class_pixels, strict=True)
                    if pixels[names.index(name)]
                )
                faults.append(f"Only one training image contains {name}: {key}.")
    for part, found in labelled.items():
        lacking = [
            name
            for name, here, there in zip(names, found.images, train.images, strict=True)
            if here == 0 and there > 0
        ]
        if part != "train" and lacking:
            faults.append(
                f"No image of {part} contains {some(lacking)}, so it is not measured there."
            )
    return faults


def _of_ignored(labelled: Mapping[str, Survey]) -> list[str]:
    faults = []
    for part, found in labelled.items():
        areas = np.array([height * width for height, width in found.sizes])
        shares = np.array(found.ignored) / areas
        empty = [key for key, share in zip(found.keys, shares, strict=True) if share == 1]
        if empty:
            faults.append(
                f"{len(empty)} of {len(found)} images of {part} have no labelled pixel: "
                f"{some(empty)}."
            )
        share = sum(found.ignored) / areas.sum()
        if share > MANY_IGNORED:
            faults.append(f"{share:.0%} of the pixels of {part} are unlabelled (255, ignored).")
    return faults


def _of_shifts(labelled: Mapping[str, Survey]) -> list[str]:
    faults = []
    for part, found in labelled.items():
        total, count = found.scores
        shift = None if total is None else likely_shift(total / count)
        if shift is not None:
            down, right = shift
            ways = [
                f"{abs(pixels)} pixels {way}"
                for pixels, way in (
                    (down, "down" if down > 0 else "up"),
                    (right, "right" if right > 0 else "left"),
                )
                if pixels
            ]
            faults.append(
                f"Labels of {part} seem to be shifted {' and '.join(ways)}: moved back, their "
                "borders fit the edges in the images best. Look at some."
            )
    return faults


def _of_duplicates(parts: Mapping[str, Survey]) -> list[str]:
    where: defaultdict[bytes, list[tuple[str, str]]] = defaultdict(list)
    for part, found in parts.items():
        for key, digest in zip(found.keys, found.digests, strict=True):
            where[digest].append((part, key))
    faults = []
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        both = [
            f"{one[first]} = {one[second]}"
            for one in map(dict, where.values())
            if first in one and second in one
        ]
        if both:
            faults.append(
                f"Identical images in {first} and in {second}: {some(both)}. Metrics on them are "
                "not metrics on unseen images."
            )
    for part in parts:
        repeated = [
            " = ".join(key for own, key in places if own == part)
            for places in where.values()
            if Counter(own for own, _ in places)[part] > 1
        ]
        if repeated:
            faults.append(f"Identical images within {part}: {some(repeated)}.")
    return faults
