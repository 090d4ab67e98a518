"""SavedModels that TensorFlow Serving loads and that need none of this package's code.

An export is a folder named by its version number (`version_folder`) with

    saved_model.pb, fingerprint.pb, variables/     TensorFlow's own
    assets.extra/tf_serving_warmup_requests        see `warmup`
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfadvseg.errors import UserError
from tfadvseg.export import warmup
from tfadvseg.export.networks import OwnSegmenter, rebuild_segmenter
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.serving_module import (
    build_serving_module,
    signature_for,
    signatures,
)
from tfadvseg.export.version_folder import (
    EXTRA,
    check_version,
    damaged,
    versions,
    write_version,
)
from tfadvseg.files.checkpoints import read_all_values
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.plain_paths import plain_path


def export_saved_model(
    segmenter: tf.keras.Model,
    spec: ModelSpec,
    base_dir: str | Path,
    version: int | None = None,
    own: OwnSegmenter | None = None,
) -> Path:
    """Writes `base_dir`/<version>/ whole or not at all.

    The export computes in `spec.precision`, whatever S was trained in: by default in float32, as
    bfloat16 is tens of times slower on machines without instructions for it, and converters do not
    know it. Variables, inputs and outputs are float32 in both.

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

    def write_model(folder: Path) -> None:
        policy = "float32" if spec.precision == "float32" else f"mixed_{spec.precision}"
        module = build_serving_module(in_policy(policy, segmenter, spec, own), spec)
        with _without_chatter():
            tf.saved_model.save(module, str(folder), signatures=signatures(module))
        _read_back(folder)
        warmup.write_warmup_requests(folder / EXTRA / warmup.FILE_NAME, spec)

    return write_version(base_dir, version, spec, write_model)


def find_saved_model(
    segmenter: tf.keras.Model, spec: ModelSpec, base_dir: str | Path
) -> Path | None:
    """The newest whole export of the very same weights and description; None if there is none.

    Args:
        segmenter, spec, base_dir: as for `export_saved_model`.
    """
    for _, folder in sorted(versions(base_dir).items(), reverse=True):
        try:
            if check_version(folder) == spec and _holds(folder, segmenter):
                return folder
        except (UserError, OSError, tf.errors.OpError):
            continue  # damaged, or of another format
    return None


def _holds(folder: Path, segmenter: tf.keras.Model) -> bool:
    """Whether the variables of an export are those of a segmenter, whatever they are called."""
    with plain_path(folder / "variables" / "variables") as path:
        reader = tf.train.load_checkpoint(path)
        names = [
            name
            for name in reader.get_variable_to_shape_map()
            if name.endswith(".ATTRIBUTES/VARIABLE_VALUE") and not name.startswith("save_counter")
        ]
        stored = Counter(_digest(reader.get_tensor(name)) for name in names)
    return stored == Counter(_digest(weight) for weight in segmenter.get_weights())


def _digest(weight: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    weight = np.asarray(weight, np.float32)
    return weight.shape, hashlib.sha256(weight.tobytes()).digest()


def load_saved_model(folder: Path) -> Predictor:
    """Loads a version's folder.

    Raises:
        UserError: it is damaged or incomplete.
    """
    spec = check_version(folder)
    try:
        # It warns of custom gradients that exports lack; predictions ask for none.
        with plain_path(folder) as plain, _without_chatter(logging.ERROR):
            loaded = tf.saved_model.load(plain)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise damaged(folder, str(error).splitlines()[0]) from error

    def graph(image: tf.Tensor) -> tf.Tensor:
        name = signature_for(image, spec)
        # By way of `loaded`, which owns the variables: signatures alone do not keep them alive.
        return loaded.signatures[name](image=image)["probabilities"]

    return Predictor(spec=spec, source=str(folder), graph=graph)


@contextmanager
def _without_chatter(least: int = logging.WARNING) -> Iterator[None]:
    """Silences what TensorFlow says of a save or a load below a severity of absl's.

    Progress of a save names a temporary folder.
    """
    verbosity, level = logging.get_verbosity(), tf.get_logger().level
    # By absl's own setter: TensorFlow uses it during a save, too, and then restores what it found.
    logging.set_verbosity(min(verbosity, least))
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
    return in_policy("float32", segmenter, spec, own)


def in_policy(
    name: str, segmenter: tf.keras.Model, spec: ModelSpec, own: OwnSegmenter | None = None
) -> tf.keras.Model:
    """A copy of S that computes under one of Keras's precision policies; else as `in_float32`."""
    policy = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        copy = rebuild_segmenter(spec, own)
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
    copy.set_weights(segmenter.get_weights())
    return copy


def _read_back(folder: Path) -> None:
    """Reads every weight, which compares it with the checksum that TensorFlow stored beside it."""
    with plain_path(folder / "variables" / "variables") as path:
        read_all_values(path)
