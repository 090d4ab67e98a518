"""What is said of a full disk: the file that was being written and the system's reason."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from tfadvseg.cli import describe_os_error
from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.files.checkpoints import save_checkpoint
from tfadvseg.files.disk_errors import disk_reason
from tfadvseg.reporting.tensorboard import TensorBoardLog


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_file_that_finds_no_room_is_named(small_disk):
    run = small_disk / "run"
    with pytest.raises(OSError, match="No space left") as raised:
        atomic.write_bytes(run / "metrics.csv", bytes(100_000))
    assert describe_os_error(raised.value) == f"{run}/metrics.csv: No space left on device."
    assert list(run.iterdir()) == []


def test_a_checkpoint_that_finds_no_room_is_named_and_no_temporary_path(small_disk):
    checkpoint = tf.train.Checkpoint(weights=tf.Variable(tf.fill([100_000], 1.0)))
    with pytest.raises(UserError) as raised:
        save_checkpoint(checkpoint, small_disk / "run", 7, keep=2)
    assert str(raised.value).startswith(
        f"{small_disk}/run/ckpt-7: cannot write the checkpoint (No space left on device)."
    )


def test_a_log_that_finds_no_room_is_named(small_disk):
    log = TensorBoardLog(small_disk / "run", 0)
    (small_disk / "others").write_bytes(bytes(56 * 1024))
    with pytest.raises(UserError) as raised:
        for update in range(1000):
            log.scalars({"a_name_of_some_length": 1.0}, update)
            log.finish_stretch()
            log.start_stretch(update)
    assert "No space left on device" in str(raised.value)
    assert str(small_disk / "run") in str(raised.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "No space left on device"),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "/a/.b.unfinished-x/c.tempstate1; No space left on device [Op:SaveV2]"
            ),
            "No space left on device",
        ),
        (ValueError("odd\nlines"), "odd"),
    ],
)
def test_reasons_are_without_paths(error, reason):
    assert disk_reason(error) == reason
