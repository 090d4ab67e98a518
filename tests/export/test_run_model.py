"""Segmenters are restored from a run's checkpoints exactly, or an error says why not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from export_testing import GREY_SPEC, randomised_segmenter

from tfadvseg.config import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.export.run_model import checkpoint_paths, load_run, load_run_segmenter
from tfadvseg.files import model_spec


@pytest.fixture(scope="module")
def networks() -> dict[str, tf.keras.Model]:
    """Distinct weights for each network and update."""
    names = [
        f"{network}-{update}"
        for network in ("segmenter", "standard")
        for update in ("best", 20, 100)
    ]
    return {name: randomised_segmenter(GREY_SPEC, seed) for seed, name in enumerate(names)}


@pytest.fixture
def run_dir(networks, tmp_path) -> Path:
    """A run of 100 updates, best at 20, with checkpoints as training writes them."""
    (tmp_path / model_spec.FILE_NAME).write_text(GREY_SPEC.to_json())
    for network in ("segmenter", "standard"):
        best = tf.train.Checkpoint(model=networks[f"{network}-best"])
        best.write(str(tmp_path / "best" / f"{network}-20"))
    for update in (20, 100):
        state = tf.train.Checkpoint(
            segmenter=tf.train.Checkpoint(model=networks[f"segmenter-{update}"]),
            standard=tf.train.Checkpoint(model=networks[f"standard-{update}"]),
            step=tf.Variable(update, dtype=tf.int64),
        )
        state.write(str(tmp_path / "checkpoints" / f"ckpt-{update}"))
    return tmp_path


def assert_same_weights(model: tf.keras.Model, expected: tf.keras.Model) -> None:
    for got, wanted in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("network", ["segmenter", "standard"])
@pytest.mark.parametrize(("which", "stored"), [("best", "best"), ("latest", 100)])
def test_restores_every_weight(run_dir, networks, network, which, stored):
    model, spec = load_run_segmenter(run_dir, network, which)
    assert spec == GREY_SPEC
    assert_same_weights(model, networks[f"{network}-{stored}"])


def test_checkpoints_are_ordered_by_number(run_dir):
    """100 comes after 20, though not in alphabetical order."""
    names = [Path(path).name for path in checkpoint_paths(run_dir / "checkpoints")]
    assert names == ["ckpt-100", "ckpt-20"]
    assert checkpoint_paths(run_dir / "best") == []
    assert checkpoint_paths(run_dir / "absent") == []


@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
def test_falls_back_to_the_checkpoint_before(run_dir, networks, suffix, caplog):
    truncate(run_dir / "checkpoints" / f"ckpt-100{suffix}")
    model, _ = load_run_segmenter(run_dir, "segmenter", "latest")
    assert_same_weights(model, networks["segmenter-20"])
    assert "ckpt-100 is damaged" in caplog.text


def test_a_changed_byte_is_noticed(run_dir, networks):
    path = run_dir / "checkpoints" / "ckpt-100.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    for position in range(0, len(content), 512):
        content[position] ^= 1
    path.write_bytes(content)
    model, _ = load_run_segmenter(run_dir, "segmenter", "latest")
    assert_same_weights(model, networks["segmenter-20"])


def test_no_whole_checkpoint(run_dir):
    for index in (run_dir / "checkpoints").glob("*.index"):
        truncate(index)
    with pytest.raises(UserError, match="none of its 2 checkpoints is complete"):
        load_run_segmenter(run_dir, "segmenter", "latest")


@pytest.mark.parametrize(("width", "depth"), [(4, 2), (4, 3), (8, 1)])
def test_weights_of_another_network(run_dir, width, depth):
    other = replace(GREY_SPEC, segmenter=SegmenterConfig(width=width, depth=depth))
    (run_dir / model_spec.FILE_NAME).write_text(other.to_json())
    with pytest.raises(UserError, match=r"not weights of the network that .*model\.json"):
        load_run_segmenter(run_dir)


def test_runs_without_a_standard_network(run_dir):
    for file in (run_dir / "best").glob("standard-*"):
        file.unlink()
    with pytest.raises(UserError, match="--compare"):
        load_run_segmenter(run_dir, "standard", "best")
    tf.train.Checkpoint(segmenter=tf.train.Checkpoint(model=randomised_segmenter(GREY_SPEC))).write(
        str(run_dir / "checkpoints" / "ckpt-200")
    )
    with pytest.raises(UserError, match="--compare"):
        load_run_segmenter(run_dir, "standard", "latest")


def test_folders_that_are_no_runs(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load_run_segmenter(tmp_path / "absent")
    with pytest.raises(UserError, match=r"model\.json: no such file"):
        load_run_segmenter(tmp_path)
    (tmp_path / model_spec.FILE_NAME).write_text(GREY_SPEC.to_json())
    with pytest.raises(UserError, match=r"holds no checkpoint of segmenter.*--which=latest"):
        load_run_segmenter(tmp_path)


def test_predictor_of_a_run(run_dir, networks):
    predictor = load_run(run_dir)
    assert predictor.source == str(run_dir / "best" / "segmenter-20")
    images = np.random.default_rng(0).integers(0, 256, (1, 9, 14, 1), np.uint8)
    normalised = (images.astype(np.float32) - GREY_SPEC.mean) / GREY_SPEC.std
    logits = networks["segmenter-best"](normalised.astype(np.float32), training=False)
    expected = tf.sigmoid(logits)[..., 0]
    for given in (images, images.astype(np.float32)):
        probabilities = predictor.predict_probabilities(given)
        np.testing.assert_allclose(probabilities[..., 1], expected, atol=1e-5)


def test_the_average_of_the_weights_is_what_the_latest_is(run_dir, networks):
    state = tf.train.Checkpoint(
        segmenter=tf.train.Checkpoint(
            model=networks["segmenter-20"], averaged=networks["segmenter-100"]
        )
    )
    state.write(str(run_dir / "checkpoints" / "ckpt-200"))
    model, _ = load_run_segmenter(run_dir, "segmenter", "latest")
    assert_same_weights(model, networks["segmenter-100"])
