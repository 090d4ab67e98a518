"""Which of the data flags each dataset listens to."""

from tfadvseg.config import DIVIDED_BY_FRACTION, DataConfig
from tfadvseg.data.catalogue import CATALOGUE
from tfadvseg.data.descriptors import CAMVID_WITH_VOID, DatasetDescriptor
from tfadvseg.data.embedded import EMBEDDED
from tfadvseg.errors import UserError

_FLAGS_OF = {
    "folder": (
        "class_names",
        "value_map",
        "label_suffix",
        "foreground_class",
        "train_list",
        "val_list",
    ),
    "gta5": ("official_split", "skip_damaged"),
    "cityscapes_semseg": ("train_ids",),
}
"""Flags that one dataset alone listens to."""

_ON_DISK = ("cityscapes_semseg", "gta5")


def known_descriptor(config: DataConfig) -> DatasetDescriptor | None:
    """What is known of a dataset before its files are found; None of `folder`.

    Raises:
        UserError: as `check_flags`.
    """
    check_flags(config)
    return CAMVID_WITH_VOID if config.void_as_class else CATALOGUE.get(config.dataset)


def check_flags(config: DataConfig) -> None:
    """Refuses unknown datasets, and flags that the dataset would not listen to.

    Raises:
        UserError: naming the flag and what takes it.
    """
    name = config.dataset
    if name not in (*CATALOGUE, "folder"):
        valid = ", ".join([*CATALOGUE, "folder"])
        raise UserError(f"--dataset={name}: unknown; choose one of {valid}.")
    for owner, flags in _FLAGS_OF.items():
        for flag in flags:
            if name != owner and getattr(config, flag):
                raise UserError(f"--{flag} is for --dataset={owner}; {name} does not take it.")
    if config.prepare != "tfds" and name not in _ON_DISK:
        raise UserError(
            f"--prepare={config.prepare} is for --dataset={' and '.join(_ON_DISK)}; leave it out."
        )
    if name in ("folder", "darkfield") and (config.train_split or config.val_split):
        lists = ", or by --train_list and --val_list" if name == "folder" else ""
        raise UserError(
            f"--train_split and --val_split are for datasets with splits; {name} is divided by "
            f"--val_fraction{lists}."
        )
    if config.val_fraction is not None and name not in DIVIDED_BY_FRACTION:
        raise UserError(
            f"--val_fraction={config.val_fraction}: is for {', '.join(DIVIDED_BY_FRACTION)}; of "
            f"{name}, --train_split and --val_split say what trains and what validates."
        )
    if config.val_fraction is not None and config.train_list is not None:
        raise UserError(
            f"--val_fraction={config.val_fraction}: --train_list and --val_list say already what "
            "validates; give either."
        )
    if config.test_fraction is not None and name != "darkfield":
        raise UserError(f"--test_fraction is for --dataset=darkfield; {name} takes none.")
    if config.void_as_class and name != "camvid":
        raise UserError(f"--void_as_class is for --dataset=camvid; {name} has no void.")
    if name in EMBEDDED and config.data_dir is not None:
        raise UserError(
            f"--data_dir={config.data_dir}: {name} is embedded and reads no files; leave "
            "--data_dir out, or choose another --dataset."
        )
