"""Event files contain each step once, whenever the run was killed."""

from pathlib import Path

import tensorflow as tf

from tfadvseg.reporting import tensorboard
from tfadvseg.reporting.tensorboard import TensorBoardLog


def logged(folder: Path) -> list[tuple[int, str]]:
    """(step, tag) of every value in every event file, in order."""
    found = []
    for path in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found += [(event.step, value.tag) for value in event.summary.value]
    return sorted(found)


def test_a_repeated_stretch_leaves_no_duplicates(tmp_path):
    log = TensorBoardLog(tmp_path, 0)
    log.scalars({"loss": 1.0}, 5)
    log.finish_stretch()
    log.start_stretch(10)  # the checkpoint of update 10
    log.scalars({"loss": 2.0}, 15)
    log.finish_stretch()  # killed before the checkpoint of update 20

    resumed = TensorBoardLog(tmp_path, 10)
    resumed.scalars({"loss": 2.0}, 15)
    resumed.finish_stretch()
    resumed.start_stretch(20)
    resumed.scalars({"loss": 3.0}, 25)
    resumed.finish_stretch()
    assert logged(tmp_path) == [(5, "loss"), (15, "loss"), (25, "loss")]


def test_weights_and_biases_become_histograms(tmp_path):
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), name="head")])
    log = TensorBoardLog(tmp_path, 0)
    log.weights({"discriminator": model}, 1)
    log.finish_stretch()
    assert [tag for _, tag in logged(tmp_path)] == [
        "discriminator/head/bias:0",
        "discriminator/head/kernel:0",
    ]


def test_histograms_of_large_weights_are_of_values_all_over_them(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "MOST_VALUES", 10)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, input_shape=(25,))])
    model.set_weights([tf.range(25.0).numpy()[:, None]])
    log = TensorBoardLog(tmp_path, 0)
    log.weights({"segmenter": model}, 1)
    log.finish_stretch()
    (path,) = tmp_path.glob("events.*")
    buckets = [
        tf.make_ndarray(value.tensor)
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]
    ((least, most, count),) = [(b[0, 0], b[-1, 1], b[:, 2].sum()) for b in buckets]
    assert (least, most, count) == (0, 24, 9)


def test_hyperparameters_are_there_for_the_hparams_tab(tmp_path):
    log = TensorBoardLog(tmp_path / "tensorboard", 0)
    log.hyperparameters({"seed": 3, "method": "supervised", "xla": False})
    log.finish_stretch()
    assert logged(tmp_path / "tensorboard") == [(0, "_hparams_/session_start_info")]
