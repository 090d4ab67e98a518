"""SavedModels that TensorFlow Serving loads and that need none of this package's code.

An export is a folder named by its version number:

    <base>/<version>/saved_model.pb, fingerprint.pb, variables/   TensorFlow's own
    <base>/<version>/assets.extra/model.json                      the ModelSpec
    <base>/<version>/assets.extra/tf_serving_warmup_requests      see `warmup`
    <base>/<version>/assets.extra/SHA256SUMS                      for `sha256sum -c`, from <version>
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from absl import logging

from tfadvseg.errors import UserError
from tfadvseg.export import warmup
from tfadvseg.export.networks import OwnSegmenter, rebuild_segmenter
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.serving_module import (
    SERVING_DEFAULT,
    SERVING_FLOAT,
    build_serving_module,
    signatures,
)
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.model_spec import ModelSpec

EXTRA = "assets.extra"
CHECKSUMS = "SHA256SUMS"
SAVED_MODEL = "saved_model.pb"


def export_saved_model(
    segmenter: tf.keras.Model,
    spec: ModelSpec,
    base_dir: str | Path,
    version: int | None = None,
    own: OwnSegmenter | None = None,
) -> Path:
    """Writes `base_dir`/<version>/ whole or not at all.

    The export computes in float32 whatever precision S was trained in: bfloat16 is tens of times
    slower on machines without instructions for it, and converters do not know it.

    Args:
        segmenter: S, built from `spec.segmenter` in any precision and under any strategy.
        spec: what the export's graph needs to know; goes into it as `model.json`.
        base_dir: made if absent; what TensorFlow Serving calls the model's base path.
        version: a positive number; None takes the next after those present.
        own: builds S where it is one of the user's own.

    Returns:
        The version's folder.

    Raises:
        UserError: the version exists, `base_dir` is not a folder to write to, or the disk is full.
    """
    if version is None:
        version = max(versions(base_dir), default=0) + 1
    if version < 1:
        raise UserError(f"--version={version}: must be at least 1.")
    folder = Path(base_dir) / str(version)
    if folder.exists():
        raise UserError(f"{folder}: exists already; give another --version or none.")
    module = build_serving_module(in_float32(segmenter, spec, own), spec)
    try:
        with atomic.new_folder(folder) as temporary:
            with _without_chatter():
                tf.saved_model.save(module, str(temporary), signatures=signatures(module))
            _read_back(temporary)
            extra = temporary / EXTRA
            extra.mkdir()
            (extra / model_spec.FILE_NAME).write_text(spec.to_json())
            warmup.write_warmup_requests(extra / warmup.FILE_NAME, spec)
            (extra / CHECKSUMS).write_text(_checksums(temporary))
            _flush_to_disk(temporary)
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder}: could not write the export ({reason}).") from error
    return folder


def load_exported(path: str | Path) -> Predictor:
    """Loads an export: a version's folder, or the base folder, whose newest version is taken.

    Raises:
        UserError: there is none, or it is damaged or incomplete.
    """
    folder = find_export(path)
    _verify_checksums(folder)
    spec = ModelSpec.load(folder / EXTRA)
    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise _damaged(folder, str(error).splitlines()[0]) from error

    def graph(image: tf.Tensor) -> tf.Tensor:
        name = SERVING_DEFAULT if image.dtype == tf.uint8 else SERVING_FLOAT
        # By way of `loaded`, which owns the variables: signatures alone do not keep them alive.
        return loaded.signatures[name](image=image)["probabilities"]

    return Predictor(spec=spec, source=str(folder), graph=graph)


def find_export(path: str | Path) -> Path:
    """The version's folder that `path`, such a folder or a base folder, stands for.

    Raises:
        UserError: `path` is neither.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such folder.")
    if (path / SAVED_MODEL).exists() or (path / EXTRA).exists():
        return path
    present = versions(path)
    if not present:
        raise UserError(f"{path}: holds no export, that is, no folder named by a number.")
    return present[max(present)]


def versions(base_dir: str | Path) -> dict[int, Path]:
    """Exports in a base folder by version; none if the folder does not exist."""
    base = Path(base_dir)
    if not base.is_dir():
        return {}
    numbered = (child for child in base.iterdir() if re.fullmatch(r"[0-9]+", child.name))
    return {int(child.name): child for child in numbered if child.is_dir()}


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keeps back what TensorFlow tells about a save, which names a temporary folder at that."""
    verbosity, level = logging.get_verbosity(), tf.get_logger().level
    # By absl's own setter: TensorFlow uses it during a save, too, and then restores what it found.
    logging.set_verbosity(min(verbosity, logging.WARNING))
    tf.get_logger().setLevel("WARNING")
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        tf.get_logger().setLevel(level)


def in_float32(
    segmenter: tf.keras.Model, spec: ModelSpec, own: OwnSegmenter | None = None
) -> tf.keras.Model:
    """A copy of S in float32, whatever precision policy and strategy it was trained under.

    `own` builds S where it is one of the user's own.
    """
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32")
    try:
        copy = rebuild_segmenter(spec, own)
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(segmenter.get_weights())
    return copy


def _checksums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sha256(path)}  {path.relative_to(folder)}\n" for path in files)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify_checksums(folder: Path) -> None:
    listing = folder / EXTRA / CHECKSUMS
    if not listing.is_file():
        raise _damaged(folder, f"{listing.relative_to(folder)} is missing")
    for line in listing.read_text(errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        file = folder / name
        if not name or not file.is_file():
            raise _damaged(folder, f"{name or listing.name} is missing or damaged")
        if _sha256(file) != expected:
            raise _damaged(folder, f"{name} is not the file that was exported")


def _damaged(folder: Path, reason: str) -> UserError:
    return UserError(f"{folder}: not a whole export: {reason}; copy or export it again.")


def _read_back(folder: Path) -> None:
    """Reads every weight, which compares it with the checksum that TensorFlow stored beside it."""
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)


def _flush_to_disk(folder: Path) -> None:
    """Waits until files and folders lie on the disk, so that a power cut cannot empty them."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
