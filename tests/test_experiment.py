"""A whole run within the process: the pipeline, training, validation, pictures, the end."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.testing_utils import tiny_config
from tfadvseg import experiment
from tfadvseg.config import OptimizerConfig
from tfadvseg.flags import flags_text


@pytest.fixture
def data_dir(tmp_path) -> Path:
    generator = np.random.default_rng(0)
    for number in range(8):
        label = (generator.uniform(size=(6, 6)) < 0.5).repeat(4, 0).repeat(4, 1)
        image = 60 + 120 * label + 20 * generator.normal(size=label.shape)
        for part, pixels in (("images", image.clip(0, 255)), ("labels", label)):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(
                tmp_path / "data" / part / f"{number}.png"
            )
    return tmp_path / "data"


def test_a_run_over_two_replicas_leaves_what_one_replica_leaves(
    data_dir, tmp_path, two_replicas, monkeypatch
):
    rows, summaries = [], []
    for name, strategy in (("one", tf.distribute.get_strategy()), ("two", two_replicas)):
        # Rules without a square root: rounding stays as small as it is.
        sgd = OptimizerConfig(optimizer="sgd", learning_rate=0.01)
        config = tiny_config(
            data={"dataset": "folder", "data_dir": str(data_dir), "val_windows": 6},
            method={"compare": True},
            run={"output_dir": str(tmp_path / name), "epochs": 2, "deterministic": False},
        )
        config = type(config)(**{**vars(config), "s_optimizer": sgd, "d_optimizer": sgd})
        monkeypatch.setattr(experiment, "choose_strategy", lambda _, chosen=strategy: chosen)
        result = experiment.run_experiment(config, flags_text(config))
        assert Path(result.made["export"], "saved_model.pb").exists()
        with (tmp_path / name / "metrics.csv").open() as file:
            rows.append(list(csv.DictReader(file)))
        summaries.append(json.loads((tmp_path / name / "summary.json").read_text())["networks"])
    assert len(rows[0]) == 2
    for one, two in zip(*rows, strict=True):
        assert one.keys() == two.keys()
        for metric, value in one.items():
            # A pixel on the edge between two classes moves counts, but no loss.
            near = 1e-3 if "loss" in metric else 1e-2
            assert float(two[metric]) == pytest.approx(float(value), rel=near, abs=near), metric
    for network, metrics in summaries[0].items():
        assert summaries[1][network] == pytest.approx(metrics, rel=1e-2, abs=1e-2)
