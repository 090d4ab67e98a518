"""Colour-coded labels: what the file of colours may look like, and what it makes of labels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.data.test_folder import grey, read, save
from tfadvseg.config import DataConfig
from tfadvseg.data import folder_pages
from tfadvseg.data.colour_map import read_colour_map
from tfadvseg.data.masks import read_masks
from tfadvseg.errors import UserError

CAMVID = """64 128 64\tAnimal
192 0 128\t\tArchway

0 0 0\t\tVoid
"""
ANIMAL, ARCHWAY, VOID = (64, 128, 64), (192, 0, 128), (0, 0, 0)


@pytest.fixture
def write(tmp_path):
    def written(text: str) -> str:
        (tmp_path / "colours.txt").write_text(text)
        return str(tmp_path / "colours.txt")

    return written


@pytest.mark.parametrize(
    "text",
    [
        CAMVID,
        "Animal 64 128 64\nArchway 192 0 128\n# none of both\nVoid 0 0 0\n",
        "r g b name\n64 128 64 Animal\n192 0 128 Archway\n0 0 0 Void\n",
        "name,r,g,b\nAnimal,64,128,64\nArchway,192,0,128\nVoid,0,0,0\n",
        "Red;Green;Blue;Class\n64;128;64;Animal\n192;0;128;Archway\n0;0;0;Void\n",
        "64,128,64,Animal\n192,0,128,Archway\n0,0,0,Void\n",
        "id,name,r,g,b\n1,Archway,192,0,128\n255,Void,0,0,0\n0,Animal,64,128,64\n",
        "\ufeffname, r, g, b\r\nAnimal, 64, 128, 64\r\nArchway, 192, 0, 128\r\nVoid, 0, 0, 0\r\n",
    ],
    ids=["camvid", "name first", "heads", "csv", "semicolons", "no heads", "ids", "bom"],
)
def test_every_common_form_is_read(write, text):
    colours = read_colour_map(write(text))
    assert colours.names == ("Animal", "Archway")
    assert colours.palette == (ANIMAL, ARCHWAY)
    assert dict(colours.ids) == {ANIMAL: 0, ARCHWAY: 1, VOID: 255}


def test_names_may_have_spaces_and_several_colours(write):
    colours = read_colour_map(write("1 2 3 traffic light\n4 5 6 road\n7 8 9 traffic light\n"))
    assert colours.names == ("traffic light", "road")
    assert colours.ids[(7, 8, 9)] == 0
    assert colours.palette[0] == (1, 2, 3)


def test_class_names_choose_and_order(write):
    colours = read_colour_map(write(CAMVID), ("Void", "Animal"))
    assert colours.names == ("Void", "Animal")
    assert dict(colours.ids) == {ANIMAL: 1, ARCHWAY: 255, VOID: 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; write"),
        ("1 2 3 a\n1 2 b\n", r"colours\.txt, line 2: '1 2 b' is neither"),
        ("1 2 3 a\n1 2 256 b\n", "line 2: 1 2 256 is not a colour"),
        ("1 2 3 a\n1 2 3 b\n", "1,2,3 is a and b; give each colour one class"),
        ("1 2 3 a/b\n1 2 4 b\n", "line 1: a class needs a name without slashes"),
        ("1 2 3 a\n", "lists 1 classes; give 2 to 255"),
        ("id,name,r,g,b\n0,a,1,1,1\n2,b,2,2,2\n", "class ids are 0, 2; number the classes"),
        ("id,name,r,g,b\nx,a,1,1,1\n", "line 2: x is not a class id"),
        ("name,r,g,b\na,1,1\n", "line 2: 3 cells under 4 headings"),
    ],
)
def test_a_file_that_does_not_say_it_is_refused(write, text, message):
    with pytest.raises(UserError, match=message) as error:
        read_colour_map(write(text))
    assert "\n" not in str(error.value)


def test_an_absent_file_and_unknown_classes_are_named(write):
    with pytest.raises(UserError, match=r"--colour_map=nowhere\.txt: No such file"):
        read_colour_map("nowhere.txt")
    with pytest.raises(UserError, match="lists no Tree, which --class_names contains; it lists An"):
        read_colour_map(write(CAMVID), ("Animal", "Tree"))


def painted() -> np.ndarray:
    """6 x 8: animal, two columns of archway, one of void."""
    label = np.full((6, 8, 3), ANIMAL, np.uint8)
    label[:, 2:4] = ARCHWAY
    label[:, 7] = VOID
    return label


EXPECTED = np.tile(np.array([0, 0, 1, 1, 0, 0, 0, 255], np.uint8), (6, 1))


def save_rgb(root: Path) -> None:
    save(root / "labels/a.png", painted())


def save_rgba(root: Path) -> None:
    save(root / "labels/a.png", np.dstack([painted(), np.full((6, 8), 255, np.uint8)]))


def save_palette(root: Path) -> None:
    Image.fromarray(painted()).quantize(8, dither=Image.Dither.NONE).save(root / "labels/a.png")


def save_tiff(root: Path) -> None:
    tifffile.imwrite(root / "labels/a.tif", painted(), photometric="rgb", compression="zlib")


@pytest.mark.parametrize("store", [save_rgb, save_rgba, save_palette, save_tiff])
@pytest.mark.parametrize("limit", [2**31, 10], ids=["memory", "disk"])
def test_colours_become_classes(tmp_path, write, monkeypatch, store, limit):
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", limit)
    (tmp_path / "labels").mkdir()
    save(tmp_path / "images/a.png", grey())
    store(tmp_path)
    folder = read(tmp_path, colour_map=write(CAMVID))
    np.testing.assert_array_equal(folder.examples.labels[0], EXPECTED)
    assert folder.descriptor.class_names == ("Animal", "Archway")
    assert folder.descriptor.palette == (ANIMAL, ARCHWAY)


def test_grey_levels_are_colours_too(tmp_path, write):
    save(tmp_path / "images/a.png", grey())
    save(tmp_path / "labels/a.png", np.tile(np.array([0, 255], np.uint8), (6, 4)))
    folder = read(tmp_path, colour_map=write("0 0 0 ground\n255 255 255 cell\n"))
    assert folder.examples.labels[0][0, :2].tolist() == [0, 1]


def test_an_unknown_colour_is_refused_with_file_colour_and_pixels(tmp_path, write):
    save(tmp_path / "images/a.png", grey())
    label = painted()
    label[0, :3], label[5, 5] = (9, 8, 7), (9, 8, 6)
    save(tmp_path / "labels/a.png", label)
    message = r"labels/a\.png: 3 of 48 pixels have the colour 9,8,7 and 1 other colours, which"
    with pytest.raises(UserError, match=message):
        read(tmp_path, colour_map=write(CAMVID))


def test_colours_that_may_have_changed_are_refused(tmp_path, write):
    save(tmp_path / "images/a.png", grey())
    save(tmp_path / "labels/a.jpg", painted())
    with pytest.raises(UserError, match=r"labels/a\.jpg: JPEG changes class ids"):
        read(tmp_path, colour_map=write(CAMVID))
    (tmp_path / "labels/a.jpg").unlink()
    tifffile.imwrite(tmp_path / "labels/a.tif", np.tile(painted(), (3, 2, 1)), compression="jpeg")
    with pytest.raises(UserError, match=r"labels/a\.tif: JPEG compression may change class ids"):
        read(tmp_path, colour_map=write(CAMVID))
    (tmp_path / "labels/a.tif").unlink()
    deep = painted().astype(np.uint16)
    tifffile.imwrite(tmp_path / "labels/a.tif", deep, photometric="rgb")
    with pytest.raises(UserError, match=r"labels/a\.tif: 3 channels of uint16 where colours"):
        read(tmp_path, colour_map=write(CAMVID))


def test_masks_without_images_are_read_alike(tmp_path, write):
    save(tmp_path / "masks/a.png", painted()[:, :7])
    masks = read_masks(str(tmp_path / "masks"), {}, 2, read_colour_map(write(CAMVID)))
    np.testing.assert_array_equal(masks.labels[0], EXPECTED[:, :7])


def test_colours_and_values_exclude_each_other():
    with pytest.raises(
        UserError, match=r"--colour_map=c\.txt and --value_map: labels hold colours"
    ):
        DataConfig(dataset="folder", colour_map="c.txt", value_map=((0, 0), (1, 1)))


def test_names_that_are_not_utf_8_become_text(tmp_path):
    (tmp_path / "c.txt").write_bytes(b"0 0 0 ground\n255 0 0 Gef\xe4\xdf\n")
    assert read_colour_map(str(tmp_path / "c.txt")).names == ("ground", r"Gef\xe4\xdf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "#000000 ground\n#ff0000 cell\n",
            r"colours\.txt: holds nothing but comments \(#\); write",
        ),
        ("name,r,g,b,id\na,0,0,0,0\nb,1,1,1,300\n", "line 3: the id 300 is too large"),
    ],
)
def test_files_that_would_lose_classes_are_refused(write, text, message):
    with pytest.raises(UserError, match=message):
        read_colour_map(write(text))
