"""Configuration of the examples and of the windows drawn from them."""

import functools
from dataclasses import dataclass
from typing import Literal, get_args

from tfadvseg.config.checks import require_choice
from tfadvseg.config.data_checks import check_data
from tfadvseg.config.options import check_options, option

Augmentation = Literal["rotate", "flip", "scale", "elastic", "photometric", "colour"]
ChannelOrder = Literal["rgb", "bgr"]
Preparation = Literal["tfds", "beam", "none"]
Normalise = Literal["dataset", "percentile"]
LabelMarks = Literal["strokes", "squares"]

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
        for name in self.augment:
            require_choice("augment", name, Augmentation)
        check_data(self)
