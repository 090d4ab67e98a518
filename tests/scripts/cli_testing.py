"""Runs of scripts as processes, and a small run directory for them to work on."""

import functools
import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import SegmenterConfig
from tfadvseg.files import model_spec
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.segmenters import build_segmenter

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Environment of a script: this one's, without variables that change TensorFlow's behaviour."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return kept | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}


_PRELOADED = ["tfadvseg.run.experiment"]
"""What every script imports sooner or later; TensorFlow after our package, which sets it up."""


def run_script(
    name: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Runs scripts/`name` in `cwd`, without a GPU, in a process of its own.

    The process is forked from one that has imported TensorFlow already, which saves seconds each
    time. Where the import matters, `run_new_process` is to be used. `env` adds to the environment.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = start_script(name, *arguments, cwd=cwd, said=Path(folder), env=env)
        process.join(timeout=600)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(name, 600)
        out, err = (Path(folder, stream).read_text() for stream in ("out", "err"))
    return subprocess.CompletedProcess([name, *arguments], process.exitcode, out, err)


def start_script(
    name: str,
    *arguments: str | Path,
    cwd: Path,
    said: Path,
    env: Mapping[str, str] | None = None,
) -> BaseProcess:
    """The process of `run_script` while it runs; it writes to `said`, a folder: `out`, `err`."""
    command = [str(ROOT / "scripts" / name), *map(str, arguments)]
    streams = [said / "out", said / "err"]
    process = _fork_server().Process(target=_be_script, args=(command, cwd, streams, env or {}))
    process.start()
    return process


@functools.cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        for name, value in environment().items():
            patch.setenv(name, value)
        forkserver.ensure_running()
    return context


def _be_script(command: list[str], cwd: Path, streams: list[Path], env: Mapping[str, str]) -> None:
    """Becomes `python command...` in a process that was forked."""
    gc.freeze()  # what was imported before is no garbage
    os.chdir(cwd)
    os.environ.update(env)
    for descriptor, path in zip((1, 2), streams, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


def run_new_process(name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    """As `run_script`, but by a new interpreter."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )


def assert_one_line_error(result: subprocess.CompletedProcess, *messages: str) -> None:
    """Checks that the script failed with one line that contains all of `messages`."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for message in messages:
        assert message in result.stderr


def make_run(run_dir: Path, image_channels: int = 1) -> dict[str, tf.keras.Model]:
    """Writes the files of a run with --compare that other scripts need; returns its networks.

    `segmenter` and `standard` are the best ones; `latest` is the last state of `segmenter`.
    """
    spec = ModelSpec(
        segmenter=SegmenterConfig(width=2, depth=1),
        class_names=("membrane", "cell"),
        palette=((255, 0, 0), (0, 0, 255)),
        image_channels=image_channels,
        mean=(120.0,) * image_channels,
        std=(50.0,) * image_channels,
        foreground_class=1,
        dataset="membranes",
        crop_size=(16, 16),
    )
    networks = {}
    for seed, name in enumerate(("segmenter", "standard", "latest")):
        tf.keras.utils.set_random_seed(seed)
        model = build_segmenter(spec.segmenter, spec.num_classes, image_channels)
        model.set_weights([np.abs(w) if w.ndim == 1 else w for w in model.get_weights()])
        networks[name] = model
    run_dir.mkdir(parents=True)
    (run_dir / model_spec.FILE_NAME).write_text(spec.to_json())
    for name in ("segmenter", "standard"):
        tf.train.Checkpoint(model=networks[name]).write(str(run_dir / "best" / f"{name}-5"))
    tf.train.Checkpoint(
        segmenter=tf.train.Checkpoint(model=networks["latest"]),
        standard=tf.train.Checkpoint(model=networks["standard"]),
    ).write(str(run_dir / "checkpoints" / "ckpt-7"))
    return networks


def expected_label(model: tf.keras.Model, image: np.ndarray) -> np.ndarray:
    """The prediction, [H,W] int, for a raw image [H,W,C] and `make_run`'s normalisation."""
    logits = model((image[np.newaxis].astype(np.float32) - 120) / 50, training=False)
    return (logits.numpy()[0, :, :, 0] > 0).astype(int)
