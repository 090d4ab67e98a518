"""Configuration of the examples and of the windows drawn from them."""

import functools
import math
from dataclasses import dataclass
from typing import Literal, get_args

from tfadvseg.config.checks import listed, require, require_choice, require_not_negative
from tfadvseg.config.options import check_options, option

Augmentation = Literal["rotate", "flip", "scale", "elastic", "photometric", "colour"]
ChannelOrder = Literal["rgb", "bgr"]
Preparation = Literal["tfds", "beam", "none"]
Normalise = Literal["dataset", "percentile"]
LabelMarks = Literal["strokes", "squares"]

MAX_CLASSES = 255
"""Largest number of classes: class ids have 8 bits, and id 255 marks pixels to ignore."""

MAX_CHANNELS = 16
"""Of an image, and so of what a network sees."""

_LARGEST_SIDE = 2**14
"""Of the size to which every image is resized, in pixels."""

PATHS = (
    "data_dir",
    "prepared_dir",
    "train_list",
    "val_list",
    "test_list",
    "colour_map",
    "annotations",
)
"""Options of the examples that are paths."""

_examples = functools.partial(option, scope="examples")


@dataclass(frozen=True)
class DataConfig:
    """The examples, and how windows are drawn from them."""

    dataset: str = _examples(
        "membranes",
        "Dataset to train on: an embedded set, one of files, folder, or tfds:NAME or "
        "tfds:NAME/CONFIG for any of TFDS.",
    )
    data_dir: str | None = _examples(
        None, "Folder of the raw files as downloaded; embedded datasets need none."
    )
    train_split: str | None = _examples(
        None, "TFDS slice to train on, such as train[:20]. Default: the dataset's own."
    )
    val_split: str | None = _examples(
        None, "TFDS slice to validate on. Default: the dataset's own."
    )
    resize: tuple[int, int] | tuple[()] = _examples(
        (),
        "Size to which every image is resized first; empty keeps each image's size. Exported "
        "models resize their input themselves.",
        form="height,width",
    )
    crop_size: tuple[int, int] = option(
        (128, 128), "Size of a training window in pixels.", form="height,width", scope="domain"
    )
    val_windows: int = option(
        0,
        "Number of fixed windows to validate on after each epoch; 0 validates on whole images, "
        "unless some are larger than 2048 x 2048.",
    )
    augment: tuple[Augmentation, ...] = option(
        ("rotate", "flip", "elastic", "photometric"),
        f"Augmentations of training windows: any of {','.join(get_args(Augmentation))}; empty "
        "applies none.",
    )
    scale_range: tuple[float, float] = option(
        (0.75, 1.5),
        "Smallest and largest scale factor of --augment=scale; an image is never made smaller "
        "than --crop_size.",
        form="smallest,largest",
        only_for={"augment": ("scale",)},
    )
    crop_balance: float = option(
        0.0,
        "Share of the training windows that are centred on a class, drawn evenly among those in "
        "the image, for classes that random windows miss; 0.33 is common, 0 centres none.",
    )
    shuffle: bool = option(
        True, "Shuffle the training images anew for each pass; otherwise once, before the first."
    )
    label_fraction: float = option(
        1.0,
        "Share of each class's pixels in each training image that keeps its label, on marks drawn "
        "with --seed; the rest is ignored. For studies of incomplete labels.",
    )
    label_marks: LabelMarks = option("strokes", "Shape of the marks of --label_fraction.")
    mean: tuple[float, ...] = option(
        (),
        "Mean per channel (red,green,blue), subtracted from 0-255 values; empty computes mean "
        "and deviation from the training images. Requires --std.",
    )
    std: tuple[float, ...] = option(
        (), "Standard deviation per channel, by which values are then divided. Requires --mean."
    )
    normalise: Normalise = option(
        "dataset",
        "Scale of image values: dataset normalises by --mean and --std alone; percentile first "
        "scales each image so that its 0.5 and 99.5 percentiles become 0 and 255, for instruments "
        "whose gain drifts.",
    )
    channel_order: ChannelOrder = option("rgb", "Channel order of S's input for colour images.")
    val_fraction: float | None = _examples(
        None,
        "Share of the images to validate on, drawn with --seed. If CamVid has no val split, "
        "stretches of the training video are held out instead (default 0.2).",
    )
    test_fraction: float | None = _examples(
        None,
        "Share of the images kept for testing, drawn with --seed; 0 keeps none. Changing "
        "--val_fraction changes which images are kept.",
    )
    folds: int = _examples(
        0, "Number of folds to split the images into with --seed; 0 draws shares instead."
    )
    fold: int = _examples(
        0, "Number of the fold to validate on, from 0; the others train. Requires --folds."
    )
    void_as_class: bool = _examples(False, "Treat void as a twelfth class instead of ignoring it.")
    official_split: bool = _examples(
        False, "Split into train, val and test as the dataset's split.mat says."
    )
    skip_damaged: bool = _examples(False, "Skip frames whose label and image differ in size.")
    train_ids: bool = _examples(False, "Read *_labelTrainIds.png instead of *_labelIds.png.")
    image_feature: str = _examples(
        "", "Feature of a TFDS dataset that is the image. Default: the only one that can be."
    )
    label_feature: str = _examples(
        "", "Feature of a TFDS dataset that is the label. Default: the only one that can be."
    )
    class_names: tuple[str, ...] = _examples(
        (), "Names of the classes, in the order of their ids.", form="name,name,..."
    )
    value_map: tuple[tuple[int, int], ...] = _examples(
        (),
        "Class id of each value in label files, for example 0:0,255:1.",
        form="value:class,value:class,...",
    )
    annotations: str | None = _examples(
        None,
        "File of COCO annotations, or folder of labelme's .json or Fiji's .roi and .zip files, "
        "from whose outlines the labels of a folder's images are drawn.",
    )
    colour_map: str | None = _examples(
        None,
        "Text file or CSV of what the colours of label files mean, with lines such as "
        "64 128 64 Animal; void is ignored, and so is every class that --class_names leaves out.",
    )
    channels: tuple[int, ...] = _examples(
        (),
        "Channels of image files to take, numbered from 0; empty takes all but alpha.",
        form="number,number,...",
    )
    axes: str = _examples(
        "",
        "Meaning of the axes of image files, where these do not say it, as in CYX or TYX: Y and X "
        "for height and width, C for channels, other letters for a stack of images.",
    )
    label_suffix: str = _examples(
        "", "Suffix that label files have after the image's stem, such as _mask."
    )
    recursive: bool = _examples(
        False, "Read images and labels of sub-folders too, at equal places below both folders."
    )
    foreground_class: str = _examples(
        "",
        "Name of the class inside objects that are separated by boundaries such as membranes; "
        "adds the metrics V_rand and V_info.",
    )
    train_list: str | None = _examples(
        None, "Text file of stems or paths to train on, one per line; requires --val_list."
    )
    val_list: str | None = _examples(
        None, "Text file of stems or paths to validate on, one per line; requires --train_list."
    )
    test_list: str | None = _examples(
        None, "Text file of stems or paths kept for testing, one per line; nothing else uses these."
    )
    prepare: Preparation = _examples(
        "tfds",
        "How the raw files are prepared: by TFDS, by TFDS with Apache Beam, or not at all "
        "(none: they are read as they are).",
    )
    beam_options: tuple[str, ...] = _examples(
        (),
        "Options of --prepare=beam; empty takes runner=DirectRunner.",
        form="option=value,option=value,...",
        only_for={"prepare": ("beam",)},
    )
    prepared_dir: str | None = _examples(
        None, "Folder of the datasets that TFDS has prepared. Default: ~/tensorflow_datasets."
    )

    def __post_init__(self) -> None:
        check_options(self)
        for flag in ("crop_size", "resize"):
            size = getattr(self, flag)
            require(
                (flag == "resize" and not size) or (len(size) == 2 and min(size) > 0),
                f"--{flag}={listed(size)}: give height,width, both greater than 0.",
            )
        require(
            not self.resize or max(self.resize) <= _LARGEST_SIDE,
            f"--resize={listed(self.resize)}: every image would become that large; take at most "
            f"{_LARGEST_SIDE} per side.",
        )
        require(
            self.data_dir is None or bool(self.data_dir.strip()),
            f"--data_dir={self.data_dir}: name a folder; a dot is the current one.",
        )
        require_not_negative(self, "val_windows")
        require(
            0 < self.label_fraction <= 1,
            f"--label_fraction={self.label_fraction}: take more than 0 and at most 1.",
        )
        require(
            self.label_fraction < 1 or self.label_marks == "strokes",
            f"--label_marks={self.label_marks}: has no effect without --label_fraction; leave it "
            "out.",
        )
        require(
            0 <= self.crop_balance <= 1,
            f"--crop_balance={self.crop_balance}: give a share from 0 to 1, such as 0.33.",
        )
        for name in self.augment:
            require_choice("augment", name, Augmentation)
        self._check_normalisation()
        self._check_class_names()
        self._check_channels()
        values = [value for value, _ in self.value_map]
        twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
        require(
            not twice,
            f"--value_map={','.join(f'{value}:{to}' for value, to in self.value_map)}: maps "
            f"{listed(tuple(twice))} twice; map each value once.",
        )
        require(
            not (self.value_map and self.colour_map),
            f"--colour_map={self.colour_map} and --value_map: labels hold colours or values; give "
            "either.",
        )
        for flag in ("value_map", "colour_map", "label_suffix"):
            require(
                not (self.annotations and getattr(self, flag)),
                f"--annotations={self.annotations} and --{flag}: labels are drawn or read from "
                "label files; give either.",
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
        require(
            (val or 0) + (test or 0) < 1,
            f"--val_fraction={val} and --test_fraction={test}: leave nothing to train on; give "
            "smaller values.",
        )
        require(
            (self.train_list is None) == (self.val_list is None),
            "--train_list and --val_list go together: give both or neither.",
        )
        require(
            self.test_list is None or not self.test_fraction,
            f"--test_list={self.test_list} and --test_fraction={test}: both say what tests; give "
            "either.",
        )
        self._check_folds()

    def _check_folds(self) -> None:
        require(
            self.folds == 0 or self.folds >= 2,
            f"--folds={self.folds}: give at least 2, or 0 for none.",
        )
        require(
            0 <= self.fold < max(self.folds, 1),
            f"--fold={self.fold}: with --folds={self.folds} there is no such fold; they count "
            "from 0.",
        )
        for flag in ("val_fraction", "train_list"):
            require(
                not self.folds or getattr(self, flag) is None,
                f"--folds={self.folds} and --{flag}={getattr(self, flag)}: both say what "
                "validates; give either.",
            )

    def _check_class_names(self) -> None:
        names = self.class_names
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

    def _check_channels(self) -> None:
        flag = f"--channels={listed(self.channels)}"
        require(all(channel >= 0 for channel in self.channels), f"{flag}: they begin at 0.")
        require(
            len({*self.channels}) == len(self.channels) <= MAX_CHANNELS,
            f"{flag}: name each once, and at most {MAX_CHANNELS}.",
        )
        letters = [*self.axes]
        require(
            not letters
            or (
                ({"Y", "X"} <= {*letters} and len({*letters}) == len(letters))
                and all(letter.isascii() and letter.isupper() for letter in letters)
            ),
            f"--axes={self.axes}: give one capital letter for each axis, Y and X among them, as in "
            "CYX.",
        )

    def _check_normalisation(self) -> None:
        low, high = self.scale_range if len(self.scale_range) == 2 else (0, 0)
        require(
            0 < low <= high <= 10,
            f"--scale_range={listed(self.scale_range)}: give smallest,largest factor, as in "
            "0.75,1.5.",
        )
        require(
            "scale" not in self.augment or (low, high) != (1, 1),
            "--scale_range=1,1: scales nothing; leave scale out of --augment.",
        )
        require(
            len(self.mean) == len(self.std),
            f"--mean={listed(self.mean)} and --std={listed(self.std)} go together: give "
            "one number per channel in each, or neither.",
        )
        require(
            all(map(math.isfinite, self.mean)) and all(0 < value < math.inf for value in self.std),
            f"--mean={listed(self.mean)} --std={listed(self.std)}: give finite numbers; "
            "deviations must be greater than 0.",
        )
