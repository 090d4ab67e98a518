"""Flags for a dataset and a machine by rules of thumb, each with its reason."""

import dataclasses
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tfadvseg.config import DataConfig
from tfadvseg.config.checks import as_flag, listed
from tfadvseg.config.data import PATHS
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.sets.catalogue import find_dataset
from tfadvseg.data.survey import Survey

LARGEST_CROP, MULTIPLE = 256, 16
"""Largest side of a window, and the number of which sides are multiples, in pixels."""

UPDATES = 4000
"""Updates of S, about as many as in the shipped flagfiles for datasets of some hundred images."""

MAPS = 64
"""Memory for training a U-Net per window, in feature maps of the first level.

From the darkfield U-Net with width 16, windows of 192 x 192 and batches of 8, which used 1,898 MiB
in total (docs/darkfield.md).
"""

_BASE_BYTES = 0.7 * 2**30  # TensorFlow itself

_RARE, _UNEVEN, _TOLD_APART = 0.01, 10, 0.25


@dataclasses.dataclass(frozen=True)
class Machine:
    """The machine that trains.

    Attributes:
        memory: free memory in bytes.
        gpu: whether the memory is that of a GPU.
    """

    memory: float
    gpu: bool


@dataclasses.dataclass(frozen=True)
class Line:
    """A flag and its reason; if `flag` is empty, the reason is a remark without a flag."""

    flag: str
    reason: str


def suggest(
    config: DataConfig, descriptor: DatasetDescriptor, parts: Mapping[str, Survey], machine: Machine
) -> Iterator[Line]:
    """Lines of the flagfile, in order."""
    train = parts["train"]
    yield from _data(config, descriptor)
    yield from _division(config, parts)
    resize = config.resize or _resize(train.sizes)
    sizes = [resize] * len(train) if resize else train.sizes
    if resize and not config.resize:
        yield Line(
            as_flag("resize", resize),
            f"images are {_range(train.sizes)} (height x width), so a window would show all of "
            "some and little of others. Resizing distorts images; if scale matters, delete this "
            "line and keep the scale augmentation",
        )
    elif not resize:
        yield Line(
            "", f"No --resize: images are {_range(sizes)}, similar enough to keep their sizes"
        )
    crop = _crop(sizes)
    width = 32 if machine.gpu else 16
    batch, crop = _batch(crop, width, machine, _windows(sizes, crop, len(train)))
    yield Line(
        as_flag("crop_size", crop),
        f"images are {_range(sizes)}; windows are at most {LARGEST_CROP} per side, fit into every "
        f"image, and are multiples of {MULTIPLE}",
    )
    needed = _needed(batch, crop, width) / 2**30
    yield Line(
        as_flag("global_batch_size", batch),
        f"needs about {needed:.1f} GiB of the {machine.memory / 2**30:.1f} GiB that are free on "
        f"this {'GPU' if machine.gpu else 'computer'}",
    )
    yield from _augmentation(train, descriptor, sizes, crop)
    yield from _imbalance(train, descriptor, sizes, crop)
    yield Line("--method=supervised", "S alone, the baseline of every other method")
    yield Line("--segmenter=unet", "learns from few images, and keeps fine outlines")
    yield Line(
        f"--width={width}",
        "a GPU trains this quickly; the paper uses 64"
        if machine.gpu
        else "a CPU trains this in hours; use 32 to 64 on a GPU",
    )
    depth = max(1, min(4, int(math.log2(min(crop) / 8))))
    yield Line(
        f"--depth={depth}", f"leaves {min(crop) // 2**depth} pixels per side at the lowest level"
    )
    yield from _length(_windows(sizes, crop, len(train)), batch, len(train))
    yield Line(
        "--s_optimizer=adamw",
        "this and the next four flags are those of the shipped darkfield U-Net",
    )
    yield Line("--s_learning_rate=0.001", "the usual value for AdamW")
    yield Line("--s_weight_decay=0.01", "the usual value for AdamW")
    yield Line("--s_rate=cosine", "falls to 0 without further settings")
    yield Line(
        "--s_warmup=100", "updates until the full rate, so that the first updates do no harm"
    )
    name = re.sub(r"\W+", "_", Path(config.data_dir or config.dataset).name).strip("_") or "mine"
    yield Line(f"--output_dir=runs/{name}", "one folder per run; give another one for each run")


def _data(config: DataConfig, descriptor: DatasetDescriptor) -> Iterator[Line]:
    for field in dataclasses.fields(DataConfig):
        value = getattr(config, field.name)
        if field.name == "dataset" or value not in (field.default, None):
            if field.name in PATHS and value:
                value = os.path.abspath(Path(value).expanduser())  # noqa: PTH100 (links stay)
            yield Line(as_flag(field.name, value), "as given")
    names = listed(descriptor.class_names)
    if descriptor.names_classes:
        yield Line("", f"{descriptor.num_classes} classes: {names}")
    else:
        flag = "--class_names" if "class_names" in find_dataset(config.dataset).flags else "names"
        yield Line("", f"{descriptor.num_classes} classes without names; give them: {flag}={names}")


def _division(config: DataConfig, parts: Mapping[str, Survey]) -> Iterator[Line]:
    counts = ", ".join(
        f"{'more than ' * part.cut}{len(part)} {name}" for name, part in parts.items()
    )
    flags = find_dataset(config.dataset).flags
    if not {"val_fraction", "test_fraction"} <= {*flags} or config.train_list or config.folds:
        yield Line("", f"Images: {counts}, as the dataset or the flags above divide them")
        return
    images = sum(map(len, parts.values()))
    own = find_dataset(config.dataset).shares(config)
    divided = any("/" in key and key.split("/")[0] == "train" for key in parts["train"].keys[:1])
    if divided:
        yield Line("", f"Images: {counts}, as the sub-folders divide them")
        return
    if config.val_fraction is None:
        share = own[0] or 0.2
        yield Line(
            f"--val_fraction={share:g}",
            f"of {images} images; another --seed draws others"
            + ("; for so few images, cross-validation is better: --folds=5" if images < 20 else ""),
        )
    if config.test_fraction is None and config.test_list is None:
        if own[1] or images >= 50:
            share = own[1] or 0.1
            yield Line(f"--test_fraction={share:g}", "not used to choose the best epoch")
        else:
            yield Line("", f"No --test_fraction: {images} images are too few for a third part")


def _resize(sizes: list[tuple[int, int]]) -> tuple[int, int] | tuple[()]:
    """The median size, if areas differ by more than a factor of four."""
    areas = [height * width for height, width in sizes]
    if max(areas) <= 4 * min(areas):
        return ()
    middle = np.median(sizes, axis=0)
    sides = np.clip(np.round(middle / 32) * 32, 64, 512).astype(int)
    return int(sides[0]), int(sides[1])


def _crop(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    least = np.min(sizes, axis=0)
    sides = [
        int(side) if side < MULTIPLE else int(min(side, LARGEST_CROP)) // MULTIPLE * MULTIPLE
        for side in least
    ]
    return sides[0], sides[1]


def _windows(sizes: list[tuple[int, int]], crop: tuple[int, int], images: int) -> int:
    """Number of windows that together have the area of all images."""
    area = float(np.mean([height * width for height, width in sizes]))
    return images * max(1, round(area / (crop[0] * crop[1])))


def _needed(batch: int, crop: tuple[int, int], width: int) -> float:
    return _BASE_BYTES + batch * MAPS * width * crop[0] * crop[1] * 4


def _batch(
    crop: tuple[int, int], width: int, machine: Machine, windows: int
) -> tuple[int, tuple[int, int]]:
    """Batch size (at most 8, on a GPU 16) and window size that take half of the free memory."""
    batch = 16 if machine.gpu else 8
    while batch > 2 and (
        _needed(batch, crop, width) > machine.memory / 2 or batch > max(windows, 2)
    ):
        batch //= 2
    while min(crop) > 64 and _needed(batch, crop, width) > machine.memory / 2:
        crop = (crop[0] // 2 // MULTIPLE * MULTIPLE, crop[1] // 2 // MULTIPLE * MULTIPLE)
    return batch, crop


def _augmentation(
    train: Survey,
    descriptor: DatasetDescriptor,
    sizes: list[tuple[int, int]],
    crop: tuple[int, int],
) -> Iterator[Line]:
    """Rotation if the top and the bottom of images hold the same classes, and similar rules."""
    upright, sided = (_differ(train.thirds[axis]) for axis in (0, 1))
    chosen, reasons = [], []
    if upright > _TOLD_APART:
        reasons.append(
            f"no rotation, because classes at the top and the bottom differ ({upright:.0%})"
        )
    else:
        chosen.append("rotate")
        reasons.append("rotate, because the top and the bottom hold the same classes")
    if sided > _TOLD_APART:
        reasons.append(f"no flip, because classes on the left and the right differ ({sided:.0%})")
    else:
        chosen.append("flip")
    if "rotate" in chosen:
        chosen.append("elastic")
        reasons.append("elastic for soft objects such as tissue; remove it for rigid objects")
    if len({*train.sizes}) > 1:
        chosen.append("scale")
        reasons.append("scale, because images differ in size")
    chosen.append("photometric")
    if descriptor.image_channels == 3:
        chosen.append("colour")
    yield Line(as_flag("augment", tuple(chosen)), "; ".join(reasons))
    middle = [level for level in train.levels if level > 0]
    if train.dtype != np.uint8 and len(middle) > 1:
        low, high = np.percentile(middle, [5, 95])
        if high > 3 * low:
            yield Line(
                "--normalise=percentile",
                f"mean levels of images range from {low:.4g} to {high:.4g}: the instrument's gain "
                "seems to drift",
            )


def _differ(thirds: np.ndarray) -> float:
    """Total variation distance of the classes in the first third and in the last one, 0 to 1."""
    first, _, last = thirds / np.maximum(thirds.sum(axis=-1, keepdims=True), 1)
    return float(np.abs(first - last).sum() / 2)


def _imbalance(
    train: Survey,
    descriptor: DatasetDescriptor,
    sizes: list[tuple[int, int]],
    crop: tuple[int, int],
) -> Iterator[Line]:
    occurring = train.pixels[train.pixels > 0]
    if len(occurring) < 2:
        return
    shares = train.pixels / train.pixels.sum()
    rarest = int(np.argmin(np.where(train.pixels > 0, shares, np.inf)))
    name, share = descriptor.class_names[rarest], shares[rarest]
    ratio = occurring.max() / occurring.min()
    if ratio > _UNEVEN:
        yield Line(
            "--class_weights=median_frequency",
            f"the most frequent class has {ratio:,.0f} times the pixels of {name} ({share:.2%})",
        )
        yield Line("--lambda_dice=0.5", "gives all classes the same weight, however large they are")
    else:
        yield Line("", f"No class weights: the rarest class, {name}, has {share:.1%} of the pixels")
    area = float(np.mean([height * w for height, w in sizes])) / (crop[0] * crop[1])
    if share < _RARE and area >= 2:
        yield Line(
            "--crop_balance=0.33",
            f"{name} has {share:.2%} of the pixels, and a window shows 1/{area:.0f} of an image",
        )


def _length(windows: int, batch: int, images: int) -> Iterator[Line]:
    steps = max(1, min(math.ceil(windows / batch), 500))
    steps = max(steps, min(50, UPDATES // 100))
    yield Line(
        f"--steps_per_epoch={steps}",
        f"shows the {images} training images about {steps * batch / windows:.2g} times per epoch",
    )
    epochs = int(np.clip(round(UPDATES / steps), 10, 100))
    yield Line(
        f"--epochs={epochs}",
        f"{steps * epochs:,} updates; use more if the validation curve still rises at the end",
    )


def _range(sizes: list[tuple[int, int]]) -> str:
    least, largest = np.min(sizes, axis=0), np.max(sizes, axis=0)
    text = f"{least[0]} x {least[1]}"
    return text if (least == largest).all() else f"{text} to {largest[0]} x {largest[1]}"
