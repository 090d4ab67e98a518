"""Real sections in several containers: a run learns the same from each, to the last digit."""

import csv
import json

import numpy as np
import pytest
import tifffile
import zarr

from tests.testing_utils import tiny_config
from tfadvseg.run.experiment import run_experiment
from tfadvseg_datasets import windowed


@pytest.mark.slow
@pytest.mark.needs_shared_data
def test_sections_in_every_container_give_the_same_metrics(shared_data, tmp_path, monkeypatch):
    isbi = shared_data / "isbi2012"
    images = tifffile.imread(isbi / "train-volume.tif")[:4]
    ids = (tifffile.imread(isbi / "train-labels.tif")[:4] > 127).astype(np.uint8)
    assert images.shape == (4, 512, 512) and images.dtype == np.uint8

    def made(name: str, write) -> dict:
        for part, pixels in (("images", images), ("labels", ids)):
            (tmp_path / name / part).mkdir(parents=True)
            write(tmp_path / name / part, pixels)
        run = tmp_path / f"run_{name}"
        config = tiny_config(
            data={"dataset": "folder", "data_dir": str(tmp_path / name), "augment": ("flip",)},
            segmenter={"width": 2, "depth": 1},
            method={"method": "supervised"},
            run={"output_dir": str(run), "export": False, "outlines": False},
        )
        run_experiment(config)
        with (run / "metrics.csv").open() as file:
            rows = [*csv.DictReader(file)]
        return {"rows": rows, **json.loads((run / "summary.json").read_text())["networks"]}

    def plain(folder, pixels):
        tifffile.imwrite(folder / "s.tif", pixels, photometric="minisblack")

    expected = made("original", plain)
    assert made("deep", lambda f, p: plain(f, p.astype(np.uint16))) == expected
    axes = {"axes": "ZYX"}
    stack = made(
        "imagej", lambda f, p: tifffile.imwrite(f / "s.tif", p, imagej=True, metadata=axes)
    )
    assert stack == expected
    tiles = (1, 128, 128)
    zarrs = made("zarr", lambda f, p: zarr.create_array(str(f / "s.zarr"), data=p, chunks=tiles))
    assert zarrs == expected
    # Window by window from a tiled file, as of images beyond memory.
    monkeypatch.setattr(windowed, "LARGE", 0)
    how = {"tile": (128, 128), "compression": "zlib", "photometric": "minisblack"}
    tiled = made("tiled", lambda f, p: tifffile.imwrite(f / "s.tif", p, **how))
    assert tiled == expected
