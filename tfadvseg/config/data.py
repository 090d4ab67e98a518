"""Configuration of the examples, and of the windows drawn from them."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_choice, require_not_negative

Augmentation = Literal["rotate", "flip", "scale", "elastic", "photometric", "colour"]
ChannelOrder = Literal["rgb", "bgr"]
Preparation = Literal["tfds", "beam", "none"]


@dataclass(frozen=True)
class DataConfig:
    """Which examples, and how windows are drawn from them.

    Attributes:
        dataset: a name of `data.catalogue.CATALOGUE`, or `folder`.
        data_dir: where the raw files are; None for embedded data.
        train_split, val_split: TFDS slices (`train[:20]`); None takes the descriptor's.
        resize: (height, width) that every image is brought to first; empty keeps their own sizes.
        crop_size: (height, width) of a training window, in pixels.
        val_windows: validation windows after each epoch; 0 takes every image whole instead, or
            windows where some are very large.
        augment: transformations of training windows.
        scale_range: smallest and largest factor of the `scale` augmentation.
        shuffle: whether the order of the training images is drawn anew each time round; else it is
            drawn once.
        mean, std: of each channel, on the 0-255 scale, in the order red, green, blue; empty takes
            the training images' own.
        channel_order: in which S sees the channels of colour images.
        val_fraction: share of the images that validates: `folder`, `darkfield` and `camvid` only;
            None takes the dataset's own, which of `camvid` is its split `val` if that is there.
        test_fraction: share of the images that is kept for testing: `darkfield` only; None takes
            the dataset's own, 0 keeps none.
        void_as_class: whether void is a twelfth class or `ignore_label`: `camvid` only.
        official_split: divide by the set's own list: `gta5` only.
        skip_damaged: leave out frames whose label is of another size than the image: `gta5` only.
        train_ids: read labels that hold training ids: `cityscapes_semseg` only.
        class_names, value_map, label_suffix, train_list, val_list: `folder` only.
        foreground_class: name of the class inside objects that boundaries tell apart; empty where
            that is not the task: `folder` only.
        prepare: whether TFDS prepares a copy of raw files, Apache Beam does, or none is made: the
            last two of `gta5` and `cityscapes_semseg` only.
        beam_options: `option=value` each, as Beam's own flags; its `DirectRunner` where none say.
        prepared_dir: where TFDS keeps prepared copies; None takes TFDS's own default.
    """

    dataset: str = "membranes"
    data_dir: str | None = None
    train_split: str | None = None
    val_split: str | None = None
    resize: tuple[int, int] | tuple[()] = ()
    crop_size: tuple[int, int] = (128, 128)
    val_windows: int = 0
    augment: tuple[Augmentation, ...] = ("rotate", "flip", "elastic", "photometric")
    scale_range: tuple[float, float] = (0.75, 1.5)
    shuffle: bool = True
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channel_order: ChannelOrder = "rgb"
    val_fraction: float | None = None
    test_fraction: float | None = None
    void_as_class: bool = False
    official_split: bool = False
    skip_damaged: bool = False
    train_ids: bool = False
    class_names: tuple[str, ...] = ()
    value_map: tuple[tuple[int, int], ...] = ()
    label_suffix: str = ""
    foreground_class: str = ""
    train_list: str | None = None
    val_list: str | None = None
    prepare: Preparation = "tfds"
    beam_options: tuple[str, ...] = ()
    prepared_dir: str | None = None

    def __post_init__(self) -> None:
        for flag in ("crop_size", "resize"):
            size = getattr(self, flag)
            require(
                (flag == "resize" and not size) or (len(size) == 2 and min(size) > 0),
                f"--{flag}={listed(size)}: give height,width, both greater than 0.",
            )
        require_not_negative(self, "val_windows")
        for name in self.augment:
            require_choice("augment", name, Augmentation)
        self._check_normalisation()
        self._check_class_names()
        require_choice("prepare", self.prepare, Preparation)
        require(
            not self.beam_options or self.prepare == "beam",
            f"--beam_options={listed(self.beam_options)}: is for --prepare=beam.",
        )
        val, test = self.val_fraction, self.test_fraction
        require(
            val is None or 0 < val < 1,
            f"--val_fraction={val}: must lie between 0 and 1, both excluded.",
        )
        require(
            test is None or 0 <= test < 1,
            f"--test_fraction={test}: must be at least 0 and less than 1.",
        )
        val, test = self.fractions()
        require(
            (val or 0) + (test or 0) < 1,
            f"--val_fraction={val} and --test_fraction={test}: leave nothing to train on; give "
            "smaller ones.",
        )
        require(
            (self.train_list is None) == (self.val_list is None),
            "--train_list and --val_list go together: give both or neither.",
        )

    def _check_class_names(self) -> None:
        names = self.class_names
        flag = f"--class_names={listed(names)}"
        require(len(names) != 1, f"{flag}: give two or more.")
        require(len({*names}) == len(names), f"{flag}: give each class a name of its own.")
        require(
            all(names) and not any("/" in name for name in names),
            f"{flag}: a name must not be empty, nor hold a slash, which parts names of metrics.",
        )

    def _check_normalisation(self) -> None:
        low, high = self.scale_range if len(self.scale_range) == 2 else (0, 0)
        require(
            0 < low <= high <= 10,
            f"--scale_range={listed(self.scale_range)}: give smallest,largest factor, as in "
            "0.75,1.5.",
        )
        require(
            "scale" in self.augment or self.scale_range == DataConfig.scale_range,
            f"--scale_range={listed(self.scale_range)}: is for --augment=scale; "
            f"--augment={listed(self.augment)} does without.",
        )
        require(
            "scale" not in self.augment or (low, high) != (1, 1),
            "--scale_range=1,1: nothing is scaled then; leave scale out of --augment.",
        )
        require_choice("channel_order", self.channel_order, ChannelOrder)
        require(
            len(self.mean) == len(self.std),
            f"--mean={listed(self.mean)} and --std={listed(self.std)} go together: give a "
            "number a channel in each, or neither.",
        )
        require(
            all(map(math.isfinite, self.mean)) and all(0 < value < math.inf for value in self.std),
            f"--mean={listed(self.mean)} --std={listed(self.std)}: must be numbers, deviations "
            "greater than 0.",
        )

    def fractions(self) -> tuple[float | None, float | None]:
        """Shares that validate and that test: the dataset's own where none are given.

        None where the dataset takes no such share, or has a split of its own instead.
        """
        if self.dataset not in _FRACTIONS:
            return None, None
        own_val, own_test = _FRACTIONS[self.dataset]
        val = own_val if self.val_fraction is None else self.val_fraction
        test = own_test if self.test_fraction is None else self.test_fraction
        return val, None if own_test is None else test

    def resolved(self) -> "DataConfig":
        """The same with `fractions` written out, so that two of them can be compared."""
        val_fraction, test_fraction = self.fractions()
        return dataclasses.replace(self, val_fraction=val_fraction, test_fraction=test_fraction)


_FRACTIONS: dict[str, tuple[float | None, float | None]] = {
    "camvid": (None, None),
    "darkfield": (0.1, 0.1),
    "folder": (0.2, None),
}
"""Shares that validate and that test, of datasets that flags divide."""

DIVIDED_BY_FRACTION = tuple(_FRACTIONS)
