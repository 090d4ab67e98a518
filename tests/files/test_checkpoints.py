"""Checkpoints are complete or absent, and the newest complete one is found."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.files.checkpoints import (
    check_finite_weights,
    checkpoint_paths,
    restore_newest,
    save_checkpoint,
)


def holding(value: float) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(weights=tf.Variable(tf.fill([1000], value)))


def save(folder: Path, *updates: int, keep: int = 3) -> None:
    for update in updates:
        save_checkpoint(holding(float(update)), folder, update, keep)


def restored(folder: Path) -> float | None:
    checkpoint = holding(-1.0)
    return None if restore_newest(checkpoint, folder) is None else float(checkpoint.weights[0])


def test_the_newest_are_kept_and_the_newest_is_restored(tmp_path):
    save(tmp_path, 5, 9, 10, 100)
    assert [Path(path).name for path in checkpoint_paths(tmp_path)] == [
        "ckpt-100",
        "ckpt-10",
        "ckpt-9",
    ]
    assert restored(tmp_path) == 100
    assert not list(tmp_path.glob("ckpt-5*"))


def test_an_empty_or_absent_folder_restores_nothing(tmp_path):
    assert restored(tmp_path) is None
    assert restored(tmp_path / "absent") is None


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            middle = len(content) // 2
            path.write_bytes(
                content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
            )
        case "absent":
            path.unlink()


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "absent"])
@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, how, part):
    save(tmp_path, 1, 2)
    damage(tmp_path / f"ckpt-2.{part}", how)
    assert restored(tmp_path) == 1


def test_no_whole_checkpoint_is_an_error(tmp_path):
    save(tmp_path, 1, 2)
    for update in (1, 2):
        damage(tmp_path / f"ckpt-{update}.data-00000-of-00001", "truncated")
    with pytest.raises(UserError, match="none of its 2 checkpoints is complete"):
        restored(tmp_path)


def test_a_checkpoint_of_other_objects_is_not_restored_by_half(tmp_path):
    save(tmp_path, 1)
    more = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([1000])), step=tf.Variable(0))
    with pytest.raises(UserError, match="ckpt-1: complete, but of another network"):
        restore_newest(more, tmp_path)


def test_a_failed_write_leaves_the_older_ones_and_nothing_else(tmp_path, monkeypatch):
    save(tmp_path, 1)
    before = sorted(path.name for path in tmp_path.iterdir())

    def full_disk(self, *args, **kwargs):
        Path(f"{args[0]}.data-00000-of-00001").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.Checkpoint, "write", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        save(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert restored(tmp_path) == 1


def test_weights_that_are_not_finite_are_named():
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), name="head")])
    check_finite_weights({"segmenter": model}, 7)
    model.layers[0].kernel.assign(np.full((3, 2), np.nan, np.float32))
    with pytest.raises(UserError, match="update 7: segmenter's weight head/kernel:0 is not finite"):
        check_finite_weights({"segmenter": model}, 7)


def test_what_a_kill_left_is_removed_and_nothing_else(tmp_path):
    whole = save_checkpoint(tf.train.Checkpoint(value=tf.Variable(1.0)), tmp_path, 1, keep=2)
    half = tmp_path / ".ckpt-2.unfinished-abc"
    half.mkdir()
    (half / "ckpt-2.data-00000-of-00001").write_bytes(b"half")
    atomic.remove_leftovers(tmp_path)
    assert not half.exists()
    assert checkpoint_paths(tmp_path) == [whole]


@pytest.mark.parametrize("name", ["[a-b]", "what?", "a*", "a\\b", "100%", "{x,y}"])
def test_folders_may_be_named_like_patterns(tmp_path, name):
    save(tmp_path / name / "run", 1, 2)
    assert restored(tmp_path / name / "run") == 2


def test_folders_need_not_be_named_in_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"10\xb5m")
    folder.mkdir()
    save(tmp_path / "run", 3)
    (tmp_path / "run").rename(folder / "run")
    assert restored(folder / "run") == 3


def test_a_complete_checkpoint_of_another_network_is_not_called_damaged(tmp_path):
    save(tmp_path, 1)
    other = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([7])))
    with pytest.raises(UserError, match=r"ckpt-1: complete, but of another network"):
        restore_newest(other, tmp_path)
