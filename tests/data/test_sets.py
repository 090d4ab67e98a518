"""Every dataset answers what is asked of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.readers import open_reader
from tfadvseg.data.sets.catalogue import (
    DATASETS,
    check_flags,
    descriptor_of,
    known_descriptor,
    listeners,
    takers_text,
)
from tfadvseg.data.street_classes import SYNTHIA_13_CLASSES, SYNTHIA_16_CLASSES
from tfadvseg.errors import UserError
from tfadvseg_datasets.cityscapes_ids import TRAIN_CLASSES, TRAIN_NAMES

BUILDERS = Path(__file__).parents[2] / "datasets"
DESCRIBED = [name for name, dataset in DATASETS.items() if dataset.describe is not None]
EMBEDDED = [name for name, dataset in DATASETS.items() if "data_dir" not in dataset.flags]
STREETS = ["cityscapes_semseg", "gta5", "streets_camera", "streets_game"]

PREPARED = ["camvid", "cityscapes_semseg", "darkfield", "gta5", "isbi2012"]
"""Sets whose dummy files lie beside their builders."""

WITH_VOID = DataConfig(dataset="camvid", void_as_class=True)


@pytest.mark.parametrize("name", DATASETS)
def test_each_goes_by_one_name_and_listens_to_flags_that_exist(name):
    dataset = DATASETS[name]
    assert dataset.name == name
    assert len({*dataset.flags}) == len(dataset.flags)
    assert {*dataset.flags} <= {*DataConfig.__dataclass_fields__}
    for flag, share in (
        ("val_fraction", dataset.val_fraction),
        ("test_fraction", dataset.test_fraction),
    ):
        assert share is None or flag in dataset.flags


@pytest.mark.parametrize(
    "config", [*(DataConfig(dataset=name) for name in DESCRIBED), WITH_VOID], ids=str
)
def test_each_class_has_a_colour_of_its_own(config):
    descriptor = known_descriptor(config)
    assert descriptor.name == config.dataset
    assert len({*descriptor.palette}) == len(descriptor.palette) == descriptor.num_classes
    assert all(0 <= value <= 255 for colour in descriptor.palette for value in colour)
    assert descriptor.names_classes
    assert descriptor.image_channels in (1, 3)


def test_camvid_has_its_own_colours():
    """As in the label_colors.txt of the database."""
    descriptor = known_descriptor(WITH_VOID)
    colours = dict(zip(descriptor.class_names, descriptor.palette, strict=True))
    assert colours["sky"] == (128, 128, 128)
    assert colours["road"] == (128, 64, 128)
    assert colours["pavement"] == (0, 0, 192)
    assert colours["bicyclist"] == (0, 128, 192)
    assert colours["void"] == (0, 0, 0)
    assert descriptor.class_names[:-1] == descriptor_of("camvid").class_names


@pytest.mark.parametrize("name", STREETS)
def test_street_scenes_have_the_classes_of_the_official_table(name):
    descriptor = descriptor_of(name)
    assert descriptor.class_names == TRAIN_NAMES
    assert descriptor.palette == tuple(c.colour for c in TRAIN_CLASSES)
    assert descriptor.num_classes == 19
    assert not descriptor.has_background


def test_sets_of_classes_are_those_of_papers_on_synthia():
    lacking = {TRAIN_NAMES[i] for i in {*range(19)} - {*SYNTHIA_16_CLASSES}}
    assert lacking == {"terrain", "truck", "train"}
    fewer = {*SYNTHIA_16_CLASSES} - {*SYNTHIA_13_CLASSES}
    assert {TRAIN_NAMES[i] for i in fewer} == {"wall", "fence", "pole"}
    assert (len(SYNTHIA_16_CLASSES), len(SYNTHIA_13_CLASSES)) == (16, 13)
    assert {*SYNTHIA_13_CLASSES} < {*SYNTHIA_16_CLASSES}


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_sets_need_no_flags(name):
    reader = open_reader(DataConfig(dataset=name), seed=0)
    descriptor = descriptor_of(name)
    assert reader.descriptor == descriptor
    for part in ("train", "validation"):
        example = next(reader.stream(reader.meaning[part], "split"))
        assert example.image.shape[-1] == descriptor.image_channels
        assert {*example.label.flat} <= {*range(descriptor.num_classes), IGNORE_LABEL}


def test_every_set_of_files_is_opened_here_or_in_tests_of_its_own():
    assert sorted([*EMBEDDED, *PREPARED, "folder", "tfds"]) == sorted(DATASETS)


@pytest.mark.parametrize("name", PREPARED)
def test_each_is_opened_from_its_files(name, tmp_path):
    files = DataConfig(
        dataset=name, data_dir=str(BUILDERS / name / "dummy_data"), prepared_dir=str(tmp_path)
    )
    reader = open_reader(files, seed=0)
    descriptor = descriptor_of(name)
    assert reader.descriptor == descriptor
    example = next(reader.stream(reader.meaning.get("train", "train")[:5], "split"))
    assert example.image.shape[-1] == descriptor.image_channels
    assert {*example.label.flat} <= {*range(descriptor.num_classes), IGNORE_LABEL}
    without = DataConfig(dataset=name, prepare=files.prepare)
    with pytest.raises(UserError, match=f"--data_dir is required with --dataset={name}"):
        open_reader(without, seed=0)


GIVEN = {
    "data_dir": "x",
    "train_split": "train",
    "val_split": "train",
    "val_fraction": 0.3,
    "test_fraction": 0.0,
    "void_as_class": True,
    "official_split": True,
    "skip_damaged": True,
    "train_ids": True,
    "class_names": ("a", "b"),
    "value_map": ((0, 0),),
    "label_suffix": "_mask",
    "recursive": True,
    "colour_map": "x",
    "annotations": "x",
    "image_feature": "x",
    "label_feature": "x",
    "channels": (0,),
    "axes": "CYX",
    "foreground_class": "a",
    "train_list": "x",
    "val_list": "x",
    "test_list": "x",
    "fold": 1,
    "folds": 3,
    "prepare": "none",
}
"""A value of each flag that not every dataset listens to."""


def value_of(name: str) -> str:
    """A value of `--dataset` that means the dataset of a name."""
    return f"{name}:x" if DATASETS[name].takes_name else name


def test_each_flag_of_some_datasets_is_tried():
    assert {flag for dataset in DATASETS.values() for flag in dataset.flags} == {*GIVEN}


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("flag", GIVEN)
def test_a_flag_is_taken_by_those_that_listen_and_refused_by_the_others(name, flag):
    pairs = {"_list": {"train_list": "x", "val_list": "x"}, "fold": {"fold": 1, "folds": 3}}
    pair = next((given for part, given in pairs.items() if part in flag), {})
    config = DataConfig(dataset=value_of(name), **{**pair, flag: GIVEN[flag]})
    takers = listeners(flag)
    if name in takers:
        assert check_flags(config) is DATASETS[name]
        return
    either = "|".join({flag, *pair})
    with pytest.raises(
        UserError, match=f"--({either})(=\\S+)?: is for --dataset=.*{takers[0]}.*; {name} "
    ):
        check_flags(config)


@pytest.mark.parametrize("name", DATASETS)
def test_flags_left_empty_are_not_given(name):
    config = DataConfig(dataset=value_of(name), train_split="", val_split="")
    assert check_flags(config) is DATASETS[name]


def test_a_folder_defines_its_own_classes():
    assert known_descriptor(DataConfig(dataset="folder")) is None
    with pytest.raises(UserError, match="--dataset=folder: its classes are known only from"):
        descriptor_of("folder")


def test_a_share_left_out_is_the_datasets_own():
    def shares(dataset: str, **given: float) -> tuple[float | None, float | None]:
        return DATASETS[dataset].shares(DataConfig(dataset=dataset, **given))

    assert shares("folder") == (0.2, None)
    assert shares("folder", val_fraction=0.3) == (0.3, None)
    assert shares("darkfield") == (0.1, 0.1)
    assert shares("darkfield", test_fraction=0.0) == (0.1, 0)
    assert shares("camvid") == (None, None)
    assert shares("membranes", val_fraction=0.2) == (None, None)


def test_shares_must_leave_something_to_train_on():
    with pytest.raises(UserError, match=r"--val_fraction=0\.9 and --test_fraction=0\.1: leave no"):
        check_flags(DataConfig(dataset="darkfield", val_fraction=0.9))


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("test_fraction", "For darkfield (default 0.1), folder."),
        (
            "val_fraction",
            "For camvid, darkfield (default 0.1), folder (default 0.2), tfds (default 0.2).",
        ),
        ("prepare", "For cityscapes_semseg, gta5."),
        ("train_split", ""),
        ("resize", ""),
    ],
)
def test_the_help_of_a_flag_names_its_datasets_if_they_are_few(flag, text):
    assert takers_text(flag) == text


def test_the_catalogue_is_light():
    """Flags are checked by it, before anything large is imported."""
    program = (
        "import sys, tfadvseg.data.sets.catalogue\n"
        "sys.exit(str({'tensorflow', 'tensorflow_datasets', 'numpy'} & {*sys.modules} or ''))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.stdout, result.stderr.strip()) == ("", "")
