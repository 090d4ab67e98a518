"""The files that a run writes while it trains."""

import math
from types import SimpleNamespace

import pytest
import tensorflow as tf

from tests.testing_utils import tiny_config
from tfadvseg.run import outputs as run_output
from tfadvseg.run.outputs import RunOutput
from tfadvseg.training.history import RunLog


@pytest.mark.parametrize(
    ("metric", "values", "kept"),
    [
        ("miou", [0.5, 0.4, 0.6, 0.6], [0, 2]),
        ("loss_seg", [0.5, 0.6, 0.4], [0, 2]),
        ("miou", [math.nan, 0.1, math.nan], [0, 1]),
        ("last", [0.0, 0.0, 0.0], [0, 1, 2]),
    ],
)
def test_the_better_epoch_is_kept(metric, values, kept, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        run_output, "save_checkpoint", lambda model, folder, update, **_: saved.append(update)
    )
    learners = {"segmenter": SimpleNamespace(evaluated=tf.Module())}
    run = SimpleNamespace(
        config=tiny_config(run={"best_metric": metric}),
        log=RunLog(),
        output=tmp_path,
        state=SimpleNamespace(segmenters=lambda: learners),
    )
    for update, value in enumerate(values):
        RunOutput._keep_best(run, {f"val/segmenter/{metric}": value}, update)
    assert saved == kept
    assert run.log.best["segmenter"]["update"] == kept[-1]
