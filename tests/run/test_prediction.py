import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from tfadvseg.config import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.run import prediction
from tfadvseg.run.prediction import check_images, find_images, predict_files, read_pages
from tfadvseg_datasets import windowed


def save(path: Path, mode: str = "L", pages: int = 1) -> Path:
    """A file of noise; `grey RGB` has three equal channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (9, 12, 3) if mode == "RGB" else (9, 12)
    noise = np.random.default_rng(0).integers(0, 256, (pages, *shape), np.uint8)
    pictures = [Image.fromarray(page) for page in noise]
    if mode == "grey RGB":
        pictures = [picture.convert("RGB") for picture in pictures]
    several = {"save_all": True, "append_images": pictures[1:]} if pages > 1 else {}
    pictures[0].save(path, **several)
    return path


def spec_of(image_channels: int, **fields) -> ModelSpec:
    spec = ModelSpec(
        segmenter=SegmenterConfig(depth=2),
        class_names=("dark", "bright"),
        palette=((0, 0, 0), (255, 0, 0)),
        image_channels=image_channels,
        mean=(0.0,) * image_channels,
        std=(1.0,) * image_channels,
        foreground_class=None,
        dataset="folder",
        crop_size=(16, 16),
    )
    return dataclasses.replace(spec, **fields)


class Threshold:
    """A replacement for a network: pixels brighter than the middle are class 1."""

    def __init__(self, channels: int) -> None:
        self.spec = spec_of(channels)

    def predict_probabilities(self, images: np.ndarray) -> np.ndarray:
        bright = (images.mean(axis=-1) > 127).astype(np.float32)
        return np.stack([1 - bright, bright], axis=-1)


def test_finds_a_folder_a_file_and_a_pattern(tmp_path, monkeypatch):
    first, second = save(tmp_path / "d/a.png"), save(tmp_path / "d/b.TIF")
    bracket, _ = save(tmp_path / "d/e/c[1].png"), (tmp_path / "d/notes.txt").write_text("")
    assert find_images(str(tmp_path / "d")) == [first, second]
    assert find_images(str(bracket)) == [bracket]
    assert find_images(str(tmp_path / "d/**/*.png")) == [first, bracket]
    monkeypatch.chdir(tmp_path)
    assert find_images("d/[ab].*") == [Path("d/a.png"), Path("d/b.TIF")]


@pytest.mark.parametrize("images", ["empty", "absent", "*.png"])
def test_no_images(tmp_path, images):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no image files found"):
        find_images(str(tmp_path / images))


def test_pages_are_numbered(tmp_path):
    stack, single = save(tmp_path / "s.tif", pages=3), save(tmp_path / "x.y.png")
    names = [file.names for file in check_images([stack, single], spec_of(1))]
    assert names == [("s_000", "s_001", "s_002"), ("x.y",)]


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 1), ("L", 3)])
def test_wrong_channel_count(tmp_path, mode, channels):
    path = save(tmp_path / "a.png", mode)
    with pytest.raises(UserError, match=r"a\.png: is (grey|colour).*the model takes"):
        check_images([path], spec_of(channels))


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_colour_files_without_colours_are_grey(tmp_path, name):
    path = save(tmp_path / name, "grey RGB")
    predict_files(
        Threshold(1), check_images([path], spec_of(1)), tmp_path / "out", 512, lambda name: None
    )
    with Image.open(path) as file, Image.open(tmp_path / "out/predictions/a.png") as predicted:
        assert predicted.mode == "L"
        np.testing.assert_array_equal(np.array(predicted), np.array(file.convert("L")) > 127)


def test_predictions_of_one_name(tmp_path):
    paths = [save(tmp_path / "a_001.png"), save(tmp_path / "a.tif", pages=2)]
    with pytest.raises(UserError, match=r"a\.tif: its prediction a_001\.png .*/a_001\.png; pred"):
        check_images(paths, spec_of(1))


def test_a_size_that_pages_must_have(tmp_path):
    path = save(tmp_path / "a.tif", pages=2)
    assert check_images([path], spec_of(1), size=(9, 12)) == check_images([path], spec_of(1))
    with pytest.raises(UserError, match=r"a\.tif: is 9 x 12 .* not 12 x 9; give .* resolution"):
        check_images([path], spec_of(1), size=(12, 9))


def test_damaged_file(tmp_path):
    path = save(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(UserError, match=r"a\.png: not a complete image file"):
        check_images([path], spec_of(1))


def test_writes_ids_and_overlays_and_reports_progress(tmp_path):
    files = check_images(
        [save(tmp_path / "a.png", "RGB"), save(tmp_path / "b.png", "RGB")], spec_of(3)
    )
    told: list[str] = []
    predict_files(Threshold(3), files, tmp_path / "out", 512, told.append)
    assert told == ["a", "b"]
    with Image.open(tmp_path / "a.png") as file:
        image = np.array(file)
    label = image.mean(axis=-1) > 127
    with Image.open(tmp_path / "out/predictions/a.png") as predicted:
        np.testing.assert_array_equal(np.array(predicted), label)
    with Image.open(tmp_path / "out/overlays/a.png") as drawn:
        difference = np.array(drawn).astype(int) - image
    np.testing.assert_array_equal(difference[~label], 0)
    assert np.all(difference[label][:, 1:] <= 0)
    assert np.all(difference[label][:, 0] >= 0)


def test_probabilities_of_a_class_are_a_file_of_as_many_pages(tmp_path):
    files = check_images([save(tmp_path / "s.tif", pages=3), save(tmp_path / "a.png")], spec_of(1))
    predict_files(Threshold(1), files, tmp_path / "out", 512, lambda name: None, probabilities_of=1)
    made = sorted(path.name for path in (tmp_path / "out/probabilities").iterdir())
    assert made == ["a.tif", "s.tif"]
    with (
        Image.open(tmp_path / "s.tif") as images,
        Image.open(tmp_path / "out/probabilities/s.tif") as probabilities,
    ):
        assert (probabilities.n_frames, probabilities.mode) == (3, "F")
        for number in range(3):
            images.seek(number)
            probabilities.seek(number)
            np.testing.assert_array_equal(np.array(probabilities), np.array(images) > 127)


def test_frames_of_cityscapes(tmp_path):
    frame = "lindau_000001_000019"
    pixels = np.zeros((1024, 2048, 3), np.uint8)
    pixels[:, 1000:] = 200
    Image.fromarray(pixels).save(tmp_path / f"{frame}_leftImg8bit.png")
    files = check_images([tmp_path / f"{frame}_leftImg8bit.png"], spec_of(3))
    predict_files(Threshold(3), files, tmp_path / "out", 2048, lambda name: None, cityscapes=True)
    with Image.open(tmp_path / f"out/labelIds/{frame}_labelIds.png") as file:
        # The label ids of road and of sidewalk, the classes 0 and 1.
        np.testing.assert_array_equal(np.array(file), np.where(pixels[..., 0], 8, 7))
    with Image.open(tmp_path / f"out/predictions/{frame}_leftImg8bit.png") as file:
        np.testing.assert_array_equal(np.array(file), pixels[..., 0] > 0)
    assert (tmp_path / f"out/color/{frame}_color.png").exists()


def test_tiles_too_small_for_the_network(tmp_path):
    files = check_images([save(tmp_path / "a.png")], spec_of(1))
    with pytest.raises(UserError, match=r"--tile=15: this network needs tiles of at least 16"):
        predict_files(Threshold(1), files, tmp_path / "out", 15, lambda name: None)
    assert not (tmp_path / "out").exists()


def test_depth_and_channels_are_those_of_the_model(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 12, 4), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="minisblack", planarconfig="contig")
    with pytest.raises(UserError, match=r"a\.tif: holds uint16 pixels; .* on uint8"):
        check_images([tmp_path / "a.tif"], spec_of(4))
    with pytest.raises(UserError, match=r"a\.tif: is of 4 channels; .* of 2 channels"):
        check_images([tmp_path / "a.tif"], spec_of(2, image_dtype="uint16"))
    spec = spec_of(2, image_dtype="uint16", channels=(3, 1))
    (page,) = read_pages(tmp_path / "a.tif", spec).pages
    np.testing.assert_array_equal(page, deep[..., [3, 1]])


@pytest.mark.parametrize("of_class", [None, 1])
def test_a_large_image_gives_pyramids(tmp_path, monkeypatch, of_class):
    monkeypatch.setattr(windowed, "LARGE", 0)
    monkeypatch.setattr(prediction, "OVERLAY_SIDE", 100)
    stack = np.random.default_rng(0).integers(0, 256, (2, 130, 210), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stack, tile=(64, 64), photometric="minisblack")
    predictor = Threshold(1)
    files = check_images([tmp_path / "a.tif"], predictor.spec)
    assert files[0].names == ("a_000", "a_001")
    said = []
    predict_files(predictor, files, tmp_path / "out", 64, said.append, probabilities_of=of_class)
    assert said == ["a_000", "a_001"]
    assert (tmp_path / "out/probabilities").exists() == (of_class is not None)
    for name, page in zip(said, stack, strict=True):
        label = tifffile.imread(tmp_path / f"out/predictions/{name}.tif", level=0)
        np.testing.assert_array_equal(label, page > 127)
        if of_class is not None:
            probability = tifffile.imread(tmp_path / f"out/probabilities/{name}.tif", level=0)
            assert probability.dtype == np.float32
            np.testing.assert_array_equal(probability, page > 127)
        with Image.open(tmp_path / f"out/overlays/{name}.png") as overlay:
            assert overlay.size == (70, 44)
            shown = np.array(overlay)
        dark = label[::3, ::3] == 0
        np.testing.assert_array_equal(shown[dark], np.repeat(page[::3, ::3, None], 3, -1)[dark])


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({"resize": (16, 16)}, {}, "this model resizes whole images"),
        ({"normalise": "percentile"}, {}, "this model scales by percentiles whole images"),
        ({"image_channels": 3, "mean": (0.0,) * 3}, {}, "is grey .*the model takes"),
        ({}, {"tile": 15}, "--tile=15: this network needs tiles of at least 16"),
    ],
)
def test_what_large_images_cannot_have_is_told(tmp_path, monkeypatch, change, arguments, words):
    monkeypatch.setattr(windowed, "LARGE", 0)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8), tile=(32, 32))
    predictor = Threshold(1)
    predictor.spec = dataclasses.replace(predictor.spec, **change)
    with pytest.raises(UserError, match=words):
        files = check_images([tmp_path / "a.tif"], predictor.spec)
        predict_files(
            predictor, files, tmp_path, **{"tile": 64, "advance": lambda name: None} | arguments
        )
    assert not (tmp_path / "predictions").exists()


def test_zarr_folders_are_images(tmp_path):
    page = np.random.default_rng(0).integers(0, 256, (70, 90), np.uint8)
    zarr.create_array(str(tmp_path / "d/a.zarr"), data=page, chunks=(32, 32))
    assert find_images(str(tmp_path / "d")) == [tmp_path / "d/a.zarr"]
    assert find_images(str(tmp_path / "d/a.zarr")) == [tmp_path / "d/a.zarr"]
    predictor = Threshold(1)
    files = check_images(find_images(str(tmp_path / "d")), predictor.spec)
    predict_files(predictor, files, tmp_path / "out", 64, lambda name: None)
    label = tifffile.imread(tmp_path / "out/predictions/a.tif")
    np.testing.assert_array_equal(label, page > 127)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(tmp_path, monkeypatch):
    monkeypatch.setattr(windowed, "LARGE", 0)
    monkeypatch.setattr(prediction, "OVERLAY_SIDE", 256)
    side = 6144
    tiles = (np.full((512, 512), 20 * (i % 12), np.uint8) for i in range((side // 512) ** 2))
    how = {"shape": (side, side), "dtype": np.uint8, "tile": (512, 512), "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", tiles, photometric="minisblack", **how)
    predictor = Threshold(1)
    tracemalloc.start()
    try:
        files = check_images([tmp_path / "a.tif"], predictor.spec)
        predict_files(predictor, files, tmp_path / "out", 256, lambda name: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < side * side, "less than the bytes of the image, or of its labels"
