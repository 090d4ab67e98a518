"""Labels drawn from outlines: COCO, labelme and Fiji."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import roifile
from PIL import Image

from tests.data.test_folder import grey, read, save
from tfadvseg.config import DataConfig
from tfadvseg.data import folder_pages
from tfadvseg.data.examples import fingerprint
from tfadvseg.data.outlines_coco import decoded_runs
from tfadvseg.errors import UserError

SQUARE = [1, 1, 4, 1, 4, 3, 1, 3]
"""Covers rows 1 and 2, columns 1 to 3."""


def expected(*areas: tuple[slice, slice, int]) -> np.ndarray:
    label = np.zeros((6, 8), np.uint8)
    for rows, columns, value in areas:
        label[rows, columns] = value
    return label


DRAWN = expected((slice(1, 3), slice(1, 4), 1))


@pytest.fixture
def coco(tmp_path) -> dict:
    """Two images with annotations and one that is not listed."""
    for name in ("a", "b", "c"):
        save(tmp_path / f"images/{name}.png", grey())
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "height": 6, "width": 8},
            {"id": 9, "file_name": "elsewhere/b.jpg", "height": 6, "width": 8},
        ],
        "categories": [{"id": 3, "name": "worm"}, {"id": 2, "name": "cell"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 2, "segmentation": [SQUARE], "area": 6}
        ],
    }


def write(root: Path, content: object) -> str:
    (root / "coco.json").write_text(json.dumps(content))
    return str(root / "coco.json")


def test_polygons_of_coco_are_drawn(tmp_path, coco):
    folder = read(tmp_path, annotations=write(tmp_path, coco))
    assert folder.descriptor.class_names == ("background", "cell", "worm")
    assert folder.examples.keys == ("a", "b")
    np.testing.assert_array_equal(folder.examples.labels[0], DRAWN)
    assert not folder.examples.labels[1].any()
    assert folder.unlabelled.keys == ("c",)


def test_smaller_objects_lie_upon_larger_ones_and_outlines_are_cut_off(tmp_path, coco):
    all_of_it = [-5, -5, 20, -5, 20, 20, -5, 20]
    coco["annotations"].append(
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [all_of_it], "area": 48}
    )
    label = read(tmp_path, annotations=write(tmp_path, coco)).examples.labels[0]
    everything = expected((slice(None), slice(None), 2), (slice(1, 3), slice(1, 4), 1))
    np.testing.assert_array_equal(label, everything)


def test_class_names_choose_and_order_and_others_are_ignored(tmp_path, coco):
    coco["annotations"].append(
        {"id": 2, "image_id": 9, "category_id": 3, "segmentation": [SQUARE], "area": 6}
    )
    folder = read(tmp_path, annotations=write(tmp_path, coco), class_names=("rest", "worm"))
    assert {*folder.examples.labels[0].flat} == {0, 255}
    assert {*folder.examples.labels[1].flat} == {0, 1}


@pytest.mark.parametrize("written", [list, lambda runs: as_text(runs)], ids=["lengths", "text"])
def test_run_lengths_go_down_the_columns(tmp_path, coco, written):
    outline = {"size": [6, 8], "counts": written([7, 2, 4, 2, 4, 2, 27])}
    coco["annotations"][0] |= {"segmentation": outline, "iscrowd": 1}
    label = read(tmp_path, annotations=write(tmp_path, coco)).examples.labels[0]
    np.testing.assert_array_equal(label, DRAWN)


def as_text(lengths: list[int]) -> str:
    """As pycocotools' `rleToString` does it."""
    text = ""
    for i, length in enumerate(lengths):
        value = length - (lengths[i - 2] if i > 2 else 0)
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text += chr((bits | 32 if more else bits) + 48)
    return text


def test_long_and_shrinking_runs_are_decoded():
    lengths = [0, 5000, 3, 40, 957]
    mask = decoded_runs(as_text(lengths), (600, 10))
    np.testing.assert_array_equal(mask, decoded_runs(lengths, (600, 10)))
    assert mask.sum() == 5040


def test_run_lengths_are_those_of_pycocotools():
    mask = np.zeros((40, 50), bool)
    mask[3:30, 4:9] = mask[35:, 20] = mask[0, 49] = True
    # As pycocotools 2.0.8 encodes it.
    text = "S5k0=0000000h>ZOkc0LWnN"
    np.testing.assert_array_equal(decoded_runs(text, (40, 50)), mask)


def test_what_stays_on_disk_is_drawn_when_it_is_read(tmp_path, coco, monkeypatch):
    held = read(tmp_path, annotations=write(tmp_path, coco)).examples
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 10)
    stored = read(tmp_path, annotations=write(tmp_path, coco)).examples
    for one, other in zip(held.labels, stored.labels, strict=True):
        np.testing.assert_array_equal(one, other)
    first = fingerprint(stored)
    coco["annotations"][0]["category_id"] = 3
    assert fingerprint(read(tmp_path, annotations=write(tmp_path, coco)).examples) != first


def other_size(coco: dict) -> None:
    coco["images"][0]["height"] = 60


def unknown_category(coco: dict) -> None:
    coco["annotations"][0]["category_id"] = 5


def other_images(coco: dict) -> None:
    for each in coco["images"]:
        each["file_name"] = "x.png"


def box_alone(coco: dict) -> None:
    coco["annotations"][0] |= {"segmentation": [], "bbox": [1, 1, 3, 2]}


def no_images(coco: dict) -> None:
    del coco["images"]


def listed_twice(coco: dict) -> None:
    coco["images"][1]["file_name"] = "images/a.png"


def unknown_image(coco: dict) -> None:
    coco["annotations"][0]["image_id"] = 77


def two_names(coco: dict) -> None:
    coco["categories"].append({"id": coco["categories"][0]["id"], "name": "other"})


def not_finite(coco: dict) -> None:
    coco["annotations"][0]["segmentation"] = [[1, 2, float("nan"), 4, 5, 6]]


def mask_of_other_size(coco: dict) -> None:
    coco["annotations"][0]["segmentation"] = {"size": [2, 2], "counts": [0, 4]}


def too_many_classes(coco: dict) -> None:
    coco["categories"] += [{"id": 100 + i, "name": f"more{i}"} for i in range(255)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (unknown_image, "annotation 1 has image_id 77, which images do not list"),
        (two_names, r"category id \d+ is .* and other; give each id one name"),
        (not_finite, "segmentation of annotation 1 is neither polygons nor run lengths"),
        (mask_of_other_size, "mask of annotation 1 is 2 x 2 .* but its image is 6 x 8"),
        (too_many_classes, r"classes besides the background, but class ids are 0 to 254"),
        (other_size, r"coco\.json: annotates a\.png as 60 x 8 .* but it is 6 x 8"),
        (unknown_category, "annotation 1 has category_id 5, which categories do not list"),
        (other_images, r"lists none of the folder's images \(a\.png, \.\.\.\), only x\.png"),
        (box_alone, "annotation 1 has no segmentation, only a box"),
        (no_images, r"coco\.json: not in the COCO format \(KeyError: 'images'\)"),
        (listed_twice, "lists the image a twice"),
    ],
)
def test_what_is_wrong_with_a_coco_file_is_named(tmp_path, coco, spoil, message):
    spoil(coco)
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, annotations=write(tmp_path, coco))
    assert "\n" not in str(error.value)


def labelme(root: Path, *shapes: dict, size: tuple[int, int] = (6, 8)) -> str:
    save(root / "a.png", grey())
    content = {"shapes": [*shapes], "imageHeight": size[0], "imageWidth": size[1]}
    (root / "a.json").write_text(json.dumps(content))
    return str(root)


POLYGON = {"label": "cell", "points": [[1, 1], [4, 1], [4, 3], [1, 3]], "shape_type": "polygon"}


def test_labelmes_files_beside_the_images_are_drawn(tmp_path):
    rectangle = {"label": "worm", "points": [[6, 6], [4, 4]], "shape_type": "rectangle"}
    point = {"label": "worm", "points": [[0, 0]], "shape_type": "point"}
    place = labelme(tmp_path, POLYGON, rectangle, point)
    folder = read(tmp_path, annotations=place)
    assert folder.descriptor.class_names == ("background", "cell", "worm")
    wanted = expected((slice(1, 3), slice(1, 4), 1), (slice(4, 6), slice(4, 6), 2))
    np.testing.assert_array_equal(folder.examples.labels[0], wanted)


def test_rectangles_may_be_given_by_all_corners(tmp_path):
    rectangle = POLYGON | {"shape_type": "rectangle"}
    label = read(tmp_path, annotations=labelme(tmp_path, rectangle)).examples.labels[0]
    np.testing.assert_array_equal(label, expected((slice(1, 3), slice(1, 4), 1)))


def test_class_names_that_are_not_utf_8_become_text(tmp_path):
    place = labelme(tmp_path, POLYGON)
    content = (tmp_path / "a.json").read_bytes()
    (tmp_path / "a.json").write_bytes(content.replace(b"cell", b"Gef\xe4\xdf"))
    assert read(tmp_path, annotations=place).descriptor.class_names[1] == r"Gef\xe4\xdf"


def test_later_shapes_lie_upon_earlier_ones_and_ignored_ones_are_255(tmp_path):
    hole = {"label": "_background_", "points": [[1, 1], [2, 3]], "shape_type": "rectangle"}
    unsure = {"label": "__ignore__", "points": [[3, 1], [4, 3]], "shape_type": "rectangle"}
    label = read(tmp_path, annotations=labelme(tmp_path, POLYGON, hole, unsure)).examples.labels[0]
    assert label[1].tolist() == [0, 0, 1, 255, 0, 0, 0, 0]


def test_circles_and_masks_are_drawn(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0, 255], [255, 255]], np.uint8)).save(buffer, "png")
    mask = {
        "label": "cell",
        "points": [[6, 3], [8, 5]],
        "shape_type": "mask",
        "mask": base64.b64encode(buffer.getvalue()).decode(),
    }
    circle = {"label": "cell", "points": [[2.5, 2.5], [2.5, 3.6]], "shape_type": "circle"}
    label = read(tmp_path, annotations=labelme(tmp_path, mask, circle)).examples.labels[0]
    wanted = expected((2, slice(1, 4), 1), (slice(1, 4), 2, 1), (3, 7, 1), (4, slice(6, 8), 1))
    np.testing.assert_array_equal(label, wanted)


def test_what_is_wrong_with_labelmes_files_is_named(tmp_path):
    place = labelme(tmp_path, POLYGON, size=(8, 6))
    with pytest.raises(UserError, match=r"a\.json: annotates a\.png as 8 x 6 .* but it is 6 x 8"):
        read(tmp_path, annotations=place)
    (tmp_path / "a.json").write_text('{"shapes": [{"label": "x"}]}')
    with pytest.raises(UserError, match=r"a\.json: not a file of labelme \(KeyError: 'points'\)"):
        read(tmp_path, annotations=place)
    (tmp_path / "a.json").write_text('{"shapes": []}')
    with pytest.raises(UserError, match="contain no objects"):
        read(tmp_path, annotations=place)
    (tmp_path / "a.json").rename(tmp_path / "z.json")
    with pytest.raises(UserError, match=r"no \.json, \.roi or \.zip has the stem of an image"):
        read(tmp_path, annotations=place)
    with pytest.raises(UserError, match=r"--annotations=nowhere: no such file or folder"):
        read(tmp_path, annotations="nowhere")


def region(name: str, *points: tuple[int, int]) -> roifile.ImagejRoi:
    made = roifile.ImagejRoi.frompoints(np.array(points), name=name)
    made.roitype = roifile.ROI_TYPE.POLYGON
    return made


CORNERS = ((1, 1), (4, 1), (4, 3), (1, 3))


def test_regions_of_fiji_are_drawn(tmp_path):
    save(tmp_path / "images/a.png", grey())
    save(tmp_path / "images/b.png", grey())
    (tmp_path / "rois").mkdir()
    region("0001-0002", *CORNERS).tofile(tmp_path / "rois/a.roi")
    both = [region("0001", *CORNERS), region("0002", (4, 4), (6, 4), (6, 6), (4, 6))]
    roifile.roiwrite(tmp_path / "rois/b.zip", both)
    folder = read(tmp_path, annotations=str(tmp_path / "rois"))
    assert folder.descriptor.class_names == ("background", "object")
    np.testing.assert_array_equal(folder.examples.labels[0], DRAWN)
    wanted = expected((slice(1, 3), slice(1, 4), 1), (slice(4, 6), slice(4, 6), 1))
    np.testing.assert_array_equal(folder.examples.labels[1], wanted)


def test_regions_are_of_the_class_that_their_name_begins_with(tmp_path):
    save(tmp_path / "images/a.png", grey())
    (tmp_path / "rois").mkdir()
    both = [region("worm-1", *CORNERS), region("cell 2", (4, 4), (6, 4), (6, 6), (4, 6))]
    roifile.roiwrite(tmp_path / "rois/a.zip", both)
    names = ("ground", "cell", "worm")
    label = read(tmp_path, annotations=str(tmp_path / "rois"), class_names=names).examples.labels[0]
    assert (label[1, 1], label[4, 4], label[0, 0]) == (2, 1, 0)
    (tmp_path / "rois/a.zip").unlink()
    region("cells", *CORNERS).tofile(tmp_path / "rois/a.roi")
    with pytest.raises(
        UserError, match=r"a\.roi: the name of region 'cells' begins with none of --class"
    ):
        read(tmp_path, annotations=str(tmp_path / "rois"), class_names=names)
    (tmp_path / "rois/a.roi").write_bytes(b"no region")
    with pytest.raises(UserError, match=r"a\.roi: not regions of ImageJ or Fiji"):
        read(tmp_path, annotations=str(tmp_path / "rois"))


def test_the_holes_of_a_composite_region_stay_free(tmp_path):
    save(tmp_path / "images/a.png", grey())
    (tmp_path / "rois").mkdir()
    path: list[float] = []
    for x, y, end_x, end_y in ((0, 0, 6, 5), (1, 1, 4, 3)):
        path += [0, x, y, 1, end_x, y, 1, end_x, end_y, 1, x, end_y, 4]
    made = roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.RECT,
        right=6,
        bottom=5,
        shape_roi_size=len(path),
        multi_coordinates=np.array(path, np.float32),
    )
    made.tofile(tmp_path / "rois/a.roi")
    label = read(tmp_path, annotations=str(tmp_path / "rois")).examples.labels[0]
    wanted = expected((slice(0, 5), slice(0, 6), 1), (slice(1, 3), slice(1, 4), 0))
    np.testing.assert_array_equal(label, wanted)


def test_labels_are_drawn_or_read():
    with pytest.raises(UserError, match="--annotations=x and --value_map: labels are drawn or re"):
        DataConfig(annotations="x", value_map=((0, 0), (1, 1)))


def test_a_divided_folder_is_refused(tmp_path):
    save(tmp_path / "train/images/a.png", grey())
    with pytest.raises(
        UserError, match="--annotations=x: not valid for a folder divided by sub-folders"
    ):
        read(tmp_path, annotations="x")
