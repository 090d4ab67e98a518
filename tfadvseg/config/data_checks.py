"""Checks of the options of `DataConfig`; each raises a `UserError` that names the flag."""

import math
from typing import TYPE_CHECKING

from tfadvseg.config.checks import listed, require, require_not_negative

if TYPE_CHECKING:
    from tfadvseg.config.data import DataConfig

MAX_CLASSES = 255
"""Largest number of classes: class ids have 8 bits, and id 255 marks pixels to ignore."""

MAX_CHANNELS = 16
"""Largest number of channels of an image, and so of what a network sees."""

_LARGEST_SIDE = 2**14
"""Largest side, in pixels, to which images are resized."""


def check_data(data: "DataConfig") -> None:
    """Refuses values out of range, and options that contradict each other."""
    require(
        data.data_dir is None or bool(data.data_dir.strip()),
        f"--data_dir={data.data_dir}: name a folder; a dot is the current one.",
    )
    _check_windows(data)
    _check_normalisation(data)
    _check_class_names(data)
    _check_channels(data)
    _check_labels(data)
    _check_division(data)
    _check_folds(data)


def _check_windows(data: "DataConfig") -> None:
    for flag in ("crop_size", "resize"):
        size = getattr(data, flag)
        require(
            (flag == "resize" and not size) or (len(size) == 2 and min(size) > 0),
            f"--{flag}={listed(size)}: give height,width, both greater than 0.",
        )
    require(
        not data.resize or max(data.resize) <= _LARGEST_SIDE,
        f"--resize={listed(data.resize)}: every image would become that large; take at most "
        f"{_LARGEST_SIDE} per side.",
    )
    require_not_negative(data, "val_windows")
    require(
        0 <= data.crop_balance <= 1,
        f"--crop_balance={data.crop_balance}: give a share from 0 to 1, such as 0.33.",
    )


def _check_normalisation(data: "DataConfig") -> None:
    low, high = data.scale_range if len(data.scale_range) == 2 else (0, 0)
    require(
        0 < low <= high <= 10,
        f"--scale_range={listed(data.scale_range)}: give smallest,largest factor, as in 0.75,1.5.",
    )
    require(
        "scale" not in data.augment or (low, high) != (1, 1),
        "--scale_range=1,1: scales nothing; leave scale out of --augment.",
    )
    require(
        len(data.mean) == len(data.std),
        f"--mean={listed(data.mean)} and --std={listed(data.std)} go together: give "
        "one number per channel in each, or neither.",
    )
    require(
        all(map(math.isfinite, data.mean)) and all(0 < value < math.inf for value in data.std),
        f"--mean={listed(data.mean)} --std={listed(data.std)}: give finite numbers; "
        "deviations must be greater than 0.",
    )


def _check_class_names(data: "DataConfig") -> None:
    names = data.class_names
    flag = f"--class_names={listed(names)}"
    require(len(names) != 1, f"{flag}: one class only; give two or more.")
    require(
        len(names) <= MAX_CLASSES,
        f"--class_names={listed(names[:3])},...: {len(names)} names, but class ids are 0 to "
        f"{MAX_CLASSES - 1}; give at most {MAX_CLASSES}.",
    )
    require(len({*names}) == len(names), f"{flag}: a name occurs twice; make names unique.")
    require(
        all(names) and not any("/" in name for name in names),
        f"{flag}: a name is empty or contains a slash, which separates the parts of metric "
        "names; rename it.",
    )


def _check_channels(data: "DataConfig") -> None:
    flag = f"--channels={listed(data.channels)}"
    require(all(channel >= 0 for channel in data.channels), f"{flag}: they begin at 0.")
    require(
        len({*data.channels}) == len(data.channels) <= MAX_CHANNELS,
        f"{flag}: name each once, and at most {MAX_CHANNELS}.",
    )
    letters = [*data.axes]
    require(
        not letters
        or (
            ({"Y", "X"} <= {*letters} and len({*letters}) == len(letters))
            and all(letter.isascii() and letter.isupper() for letter in letters)
        ),
        f"--axes={data.axes}: give one capital letter for each axis, Y and X among them, as in "
        "CYX.",
    )


def _check_labels(data: "DataConfig") -> None:
    require(
        0 < data.label_fraction <= 1,
        f"--label_fraction={data.label_fraction}: take more than 0 and at most 1.",
    )
    require(
        data.label_fraction < 1 or data.label_marks == "strokes",
        f"--label_marks={data.label_marks}: has no effect without --label_fraction; leave it out.",
    )
    values = [value for value, _ in data.value_map]
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    require(
        not twice,
        f"--value_map={','.join(f'{value}:{to}' for value, to in data.value_map)}: maps "
        f"{listed(tuple(twice))} twice; map each value once.",
    )
    require(
        not (data.value_map and data.colour_map),
        f"--colour_map={data.colour_map} and --value_map: labels hold colours or values; give "
        "either.",
    )
    for flag in ("value_map", "colour_map", "label_suffix"):
        require(
            not (data.annotations and getattr(data, flag)),
            f"--annotations={data.annotations} and --{flag}: labels are drawn or read from "
            "label files; give either.",
        )


def _check_division(data: "DataConfig") -> None:
    val, test = data.val_fraction, data.test_fraction
    require(
        val is None or 0 < val < 1,
        f"--val_fraction={val}: must lie between 0 and 1, both excluded.",
    )
    require(
        test is None or 0 <= test < 1,
        f"--test_fraction={test}: must be at least 0 and less than 1.",
    )
    require(
        (val or 0) + (test or 0) < 1,
        f"--val_fraction={val} and --test_fraction={test}: leave nothing to train on; give "
        "smaller values.",
    )
    require(
        (data.train_list is None) == (data.val_list is None),
        "--train_list and --val_list go together: give both or neither.",
    )
    require(
        data.test_list is None or not data.test_fraction,
        f"--test_list={data.test_list} and --test_fraction={test}: both say what tests; give "
        "either.",
    )


def _check_folds(data: "DataConfig") -> None:
    require(
        data.folds == 0 or data.folds >= 2,
        f"--folds={data.folds}: give at least 2, or 0 for none.",
    )
    require(
        0 <= data.fold < max(data.folds, 1),
        f"--fold={data.fold}: with --folds={data.folds} there is no such fold; they count from 0.",
    )
    for flag in ("val_fraction", "train_list"):
        require(
            not data.folds or getattr(data, flag) is None,
            f"--folds={data.folds} and --{flag}={getattr(data, flag)}: both say what "
            "validates; give either.",
        )
