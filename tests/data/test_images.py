"""Reading the user's image files."""

import numpy as np
import pytest
import zarr
from PIL import Image

from tfadvseg.data.images import find_image_files, open_windows, read_images, read_labels
from tfadvseg.errors import UserError


def test_palette_label_keeps_its_ids_and_palette_image_its_colours(tmp_path):
    ids = np.array([[0, 1], [2, 7]], np.uint8)
    image = Image.fromarray(ids, "P")
    image.putpalette([value for i in range(8) for value in (i, 20 * i, 255 - i)])
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png").pages[0], ids)
    assert read_images(tmp_path / "x.png").pages[0][1, 1].tolist() == [7, 140, 248]


@pytest.mark.parametrize("read", [read_images, read_labels])
def test_errors_name_the_file(tmp_path, read):
    with pytest.raises(UserError, match=r"absent\.png: No such file"):
        read(tmp_path / "absent.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match=r"broken\.png: not a complete image file"):
        read(tmp_path / "broken.png")


def test_files_are_found_by_suffix_in_order(tmp_path):
    for name in ("b.PNG", "a.tif", "c.jpeg", "notes.txt", ".a.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in find_image_files(tmp_path)] == ["a.tif", "b.PNG", "c.jpeg"]
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_image_files(tmp_path / "nowhere")


def test_an_image_beyond_memory_is_named(tmp_path, monkeypatch):
    def decode(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("tfadvseg_datasets.raster.decode_images", decode)
    with pytest.raises(UserError, match=r"big\.png: its pixels do not fit into memory; store"):
        read_images(tmp_path / "big.png")


def test_a_damaged_chunk_of_a_zarr_folder_is_named(tmp_path):
    place = tmp_path / "a.zarr"
    array = zarr.create_array(str(place), shape=(8, 8), dtype="uint8", chunks=(8, 8))
    array[:] = np.arange(64).reshape(8, 8)
    (chunk,) = (file for file in place.rglob("*") if file.is_file() and file.name != "zarr.json")
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(UserError, match=r"a\.zarr: not a whole image .*; replace it"):
        open_windows(place)
