"""Predictions of large images as files."""

import numpy as np
import pytest
import tifffile

from tfadvseg.evaluation.large_images import LABEL_AND_PROBABILITY
from tfadvseg.run.pyramid import collected, write_pyramid

LABEL = np.random.default_rng(0).integers(0, 5, (1100, 700), np.uint8)


def test_levels_and_tiles(tmp_path):
    with collected(np.array_split(LABEL, 7), tmp_path / "out") as rows:
        write_pyramid(tmp_path / "out/a.tif", rows)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tif"]
    with tifffile.TiffFile(tmp_path / "out/a.tif") as tiff:
        assert tiff.is_bigtiff
        (series,) = tiff.series
        assert [level.shape for level in series.levels] == [(1100, 700), (550, 350), (275, 175)]
        for step, level in zip((1, 2, 4), series.levels, strict=True):
            page = level.pages[0]
            assert (page.tilelength, page.tilewidth) == (512, 512)
            np.testing.assert_array_equal(level.asarray(), LABEL[::step, ::step])


def test_fields_become_files_of_their_own(tmp_path):
    pixels = np.zeros(LABEL.shape, LABEL_AND_PROBABILITY)
    pixels["label"], pixels["probability"] = LABEL, LABEL / np.float32(7)
    with collected(np.array_split(pixels, 3), tmp_path) as rows:
        for field in pixels.dtype.names:
            write_pyramid(tmp_path / f"{field}.tif", rows, field)
            for level in (0, 1, 2):
                written = tifffile.imread(tmp_path / f"{field}.tif", level=level)
                assert written.dtype == pixels[field].dtype
                np.testing.assert_array_equal(written, pixels[field][:: 2**level, :: 2**level])


def test_a_failure_leaves_no_file(tmp_path):
    def bands():
        yield LABEL[:100]
        raise RuntimeError

    with pytest.raises(RuntimeError), collected(bands(), tmp_path) as rows:
        write_pyramid(tmp_path / "a.tif", rows)
    assert not list(tmp_path.iterdir())
