"""Files and folders that are complete or absent."""

import signal
import subprocess
import sys

import pytest

from tfadvseg.files import atomic

WRITER = """
import os, signal, sys
from pathlib import Path
from tfadvseg.files import atomic

folder = Path(sys.argv[1])
os.replace = os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Path.replace = Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "file":
    atomic.write_text(folder / "table.csv", "a,b")
with atomic.new_folder(folder / "1") as made:
    (made / "model").write_text("m")
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_kill_left_is_removed_and_nothing_else(tmp_path, kind):
    kept = {"table.csv", ".hidden", ".git", "a.12345678", ".notes.txt"}
    for name in kept:
        (tmp_path / name).write_text("old")
    killed = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path), kind], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == len(kept) + 1
    atomic.remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept
    assert (tmp_path / "table.csv").read_text() == "old"


def test_a_failure_leaves_neither_file_nor_folder(tmp_path):
    with pytest.raises(RuntimeError), atomic.new_folder(tmp_path / "1") as made:
        (made / "half").write_text("x")
        raise RuntimeError
    with pytest.raises(TypeError):
        atomic.write_bytes(tmp_path / "file", "text, not bytes")
    assert not list(tmp_path.iterdir())
    atomic.remove_leftovers(tmp_path / "absent")
