"""Flagfiles to start from: what they say of hand-made data, and that they train."""

import dataclasses

import numpy as np
import pytest

from tests.data.test_folder import save
from tests.testing_utils import parse
from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette, numbered_names
from tfadvseg.data.examples import Example
from tfadvseg.data.survey import survey
from tfadvseg.errors import UserError
from tfadvseg.run.suggested_flags import Machine, suggest
from tfadvseg.run.suggestion import write_suggestion

CPU = Machine(8 * 2**30, gpu=False)
FOLDER = DataConfig(dataset="folder", data_dir="mine")


def descriptor(classes: int = 2, channels: int = 1) -> DatasetDescriptor:
    names = numbered_names(classes)
    return DatasetDescriptor("folder", names, default_palette(classes), channels)


def flags_of(images: list[tuple[np.ndarray, np.ndarray]], machine: Machine = CPU, **options):
    """The suggested flags by name, and what is remarked without one."""
    examples = [Example(f"{i:03d}", image, label) for i, (image, label) in enumerate(images)]
    classes = 1 + max(int(label[label < 255].max()) for _, label in images)
    kind = descriptor(classes, images[0][0].shape[-1])
    parts = {"train": survey(examples, classes), "validation": survey(examples[:1], classes)}
    lines = [*suggest(dataclasses.replace(FOLDER, **options), kind, parts, machine)]
    named = dict(line.flag.removeprefix("--").split("=", 1) for line in lines if line.flag)
    return named, [line.reason for line in lines if not line.flag]


def image(*size: int, channels: int = 1, dtype=np.uint8, level: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 50, (*size, channels))
    return (pixels + level).astype(dtype)


def checkered(*size: int) -> np.ndarray:
    return (np.indices(size).sum(axis=0) % 2).astype(np.uint8)


def test_windows_fit_every_image_and_memory():
    images = [(image(200, 300), checkered(200, 300)), (image(180, 310), checkered(180, 310))]
    flags, remarks = flags_of(images * 10)
    assert flags["crop_size"] == "176,256"
    assert flags["global_batch_size"] == "8"
    assert any("No --resize" in remark for remark in remarks)
    # 0.7 GiB and 0.172 GiB a window, in half of the memory.
    small, _ = flags_of(images * 10, Machine(3.0 * 2**30, gpu=False))
    assert small["global_batch_size"] == "4"
    large, _ = flags_of(images * 10, Machine(80 * 2**30, gpu=True))
    assert (large["global_batch_size"], large["width"]) == ("16", "32")


def test_images_of_very_different_sizes_are_resized_to_the_median():
    images = [(image(*size), checkered(*size)) for size in ((60, 60), (130, 160), (300, 310))]
    flags, _ = flags_of(images)
    assert flags["resize"] == "128,160"
    assert flags["crop_size"] == "128,160"
    assert "scale" in flags["augment"]


def test_rare_classes_are_weighed_and_centred():
    label = checkered(256, 512) * 0
    label[:16, :16] = 1
    flags, _ = flags_of([(image(256, 512), label)] * 4)
    assert flags["class_weights"] == "median_frequency"
    assert flags["lambda_dice"] == "0.5"
    assert flags["crop_balance"] == "0.33"
    even, remarks = flags_of([(image(256, 512), checkered(256, 512))] * 4)
    assert not {"class_weights", "lambda_dice", "crop_balance"} & {*even}
    assert "No class weights: the rarest class, class_0, has 50.0% of the pixels" in remarks


def test_scenes_that_have_an_up_are_not_turned():
    road = np.zeros((96, 96), np.uint8)
    road[48:] = 1
    flags, _ = flags_of([(image(96, 96, channels=3), road)] * 3)
    assert flags["augment"] == "flip,photometric,colour"
    side, _ = flags_of([(image(96, 96), road.T.copy())] * 3)
    assert side["augment"] == "rotate,elastic,photometric"


def test_a_drifting_gain_asks_for_percentiles():
    label = checkered(96, 96)
    drifting = [(image(96, 96, dtype=np.uint16, level=level), label) for level in (100, 900, 5000)]
    assert flags_of(drifting)[0]["normalise"] == "percentile"
    steady = [(image(96, 96, dtype=np.uint16, level=900), label)] * 3
    assert "normalise" not in flags_of(steady)[0]


def test_shares_are_given_where_a_flag_takes_them():
    few = [(image(96, 96), checkered(96, 96))] * 12
    flags, remarks = flags_of(few)
    assert flags["val_fraction"] == "0.2"
    assert "test_fraction" not in flags
    assert any("13 images are too few for a third part" in remark for remark in remarks)
    assert flags_of(few * 5)[0]["test_fraction"] == "0.1"
    assert flags_of(few, val_fraction=0.5)[0]["val_fraction"] == "0.5"


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        save(tmp_path / f"d/images/{number}.png", image(40, 48, level=number)[..., 0])
        save(tmp_path / f"d/labels/{number}.png", checkered(40, 48))
    return tmp_path / "d"


def test_the_file_is_a_flagfile_with_a_reason_for_each_line(folder, tmp_path):
    path = str(tmp_path / "my.flags")
    config = DataConfig(dataset="folder", data_dir=str(folder))
    assert write_suggestion(config, 0, path) == []
    lines = (tmp_path / "my.flags").read_text().splitlines()
    flags = [i for i, line in enumerate(lines) if line.startswith("--")]
    assert all(lines[i - 1].startswith("# ") for i in flags)
    parsed = parse(f"--flagfile={path}")
    assert parsed.data.data_dir == str(folder)
    assert parsed.data.crop_size == (32, 48)
    assert parsed.segmenter.depth == 2
    with pytest.raises(UserError, match=r"--suggest=.*my\.flags: already exists"):
        write_suggestion(config, 0, path)


def test_faults_stand_in_the_file(folder, tmp_path):
    save(folder / "images/7.png", image(40, 48, level=0)[..., 0])
    save(folder / "labels/7.png", checkered(40, 48))
    faults = write_suggestion(
        DataConfig(dataset="folder", data_dir=str(folder)), 0, str(tmp_path / "my.flags")
    )
    assert any("0 = 7" in fault or "7 = 0" in fault for fault in faults)
    text = (tmp_path / "my.flags").read_text()
    assert "# Likely faults of the data:" in text
    assert all(f"# - {fault}" in text.replace("\n#   ", " ") for fault in faults)


@pytest.mark.parametrize("values", [(0, 255), (0, 64, 128), (0, 64, 128, 255)])
def test_values_that_are_no_class_ids_are_mapped_by_a_guess(folder, tmp_path, values):
    for label in (folder / "labels").iterdir():
        save(label, np.resize(np.array(values, np.uint8), (40, 48)))
    path = str(tmp_path / "my.flags")
    faults = write_suggestion(DataConfig(dataset="folder", data_dir=str(folder)), 0, path)
    assert "is a guess" in faults[0]
    expected = tuple((value, number) for number, value in enumerate(values))
    if len(values) > 2:  # beside other values, 255 is what nobody labelled
        expected = tuple((value, 255 if value == 255 else number) for value, number in expected)
    assert parse(f"--flagfile={path}").data.value_map == expected
