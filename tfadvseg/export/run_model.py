"""The segmenters of a run: rebuilt from its `model.json`, with weights from its checkpoints."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which
from tfadvseg.export.networks import OwnSegmenter, rebuild_segmenter
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.serving_module import build_serving_module, signature_for
from tfadvseg.files import model_spec
from tfadvseg.files.checkpoints import checkpoint_paths, first_whole
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.files.plain_paths import plain_path


def load_run_segmenter(
    run_dir: str | Path,
    network: Network = "segmenter",
    which: Which = "best",
    test_scales: tuple[float, ...] = (),
    own: OwnSegmenter | None = None,
) -> tuple[tf.keras.Model, ModelSpec]:
    """Rebuilds a network of a run, in the current precision policy.

    Args:
        run_dir: a run's `--output_dir`.
        network: `segmenter` is S; `standard` is the one trained alone beside it (`--compare`).
        which: `best` by the validation metric, or `latest`.
        test_scales: magnifications to average over instead of the run's own; empty for these.
        own: builds S where it is one of the user's own.

    Returns:
        The model with all its weights, and what it needs besides them.

    Raises:
        UserError: `run_dir` is no run, it has no such network, or no checkpoint is whole.
    """
    return _load(run_dir, network, which, test_scales, own)[:2]


def load_run(
    run_dir: str | Path,
    network: Network = "segmenter",
    which: Which = "best",
    test_scales: tuple[float, ...] = (),
    own: OwnSegmenter | None = None,
) -> Predictor:
    """Like `load_run_segmenter`, ready for raw images as an export of it would be."""
    segmenter, spec, path = _load(run_dir, network, which, test_scales, own)
    return predictor_of(segmenter, spec, source=path)


def predictor_of(segmenter: tf.keras.Model, spec: ModelSpec, source: str = "") -> Predictor:
    """A segmenter in memory, ready for raw images through the same graph that exports hold.

    Later changes of its weights take effect.
    """
    module = build_serving_module(segmenter, spec)

    def graph(image: tf.Tensor) -> tf.Tensor:
        return getattr(module, signature_for(image, spec))(image)["probabilities"]

    return Predictor(spec=spec, source=source, graph=graph)


def _load(
    run_dir: str | Path,
    network: Network,
    which: Which,
    test_scales: tuple[float, ...],
    own: OwnSegmenter | None,
) -> tuple[tf.keras.Model, ModelSpec, str]:
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise UserError(f"{run_dir}: no such folder.")
    spec = ModelSpec.load(run_dir)
    if test_scales:
        spec = dataclasses.replace(spec, test_scales=test_scales)
    if which == "best":
        folder, keys = run_dir / "best", ["model"]
        paths = checkpoint_paths(folder, network)
    else:
        # The average of the weights, where the run kept one, is what counts.
        folder = run_dir / "checkpoints"
        keys = [f"{network}/averaged", f"{network}/model"]
        paths = checkpoint_paths(folder)
    if not paths:
        raise UserError(_nothing_there(run_dir, folder, network, which))
    segmenter = rebuild_segmenter(spec, own)

    def restore(path: str) -> None:
        with plain_path(path) as plain:
            _restore(segmenter, plain, keys, path)

    return segmenter, spec, first_whole(paths, restore)


def _restore(segmenter: tf.keras.Model, path: str, keys: Sequence[str], shown_as: str) -> None:
    """Assigns every variable of `segmenter` from the first object of `keys` in the checkpoint.

    Args:
        segmenter: the network.
        path: of the checkpoint, as TensorFlow reads it.
        keys: names of objects, the preferred one first.
        shown_as: for messages.
    """
    in_file = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    for key in keys:
        shapes = [
            tuple(shape)
            for name, shape in in_file.items()
            if name.startswith(f"{key}/")
            and name.endswith(".ATTRIBUTES/VARIABLE_VALUE")
            and ".OPTIMIZER_SLOT" not in name
        ]
        if shapes:
            break
    else:
        raise UserError(
            f"{shown_as}: holds no network named {keys[-1].removesuffix('/model')}; other networks "
            "than segmenter are only in runs with --compare."
        )
    if Counter(shapes) != Counter(tuple(variable.shape) for variable in segmenter.variables):
        raise UserError(
            f"{shown_as}: not weights of the network that the run's {model_spec.FILE_NAME} "
            "describes."
        )
    *outer, last = key.split("/")
    checkpoint = tf.train.Checkpoint(**{last: segmenter})
    for name in reversed(outer):
        checkpoint = tf.train.Checkpoint(**{name: checkpoint})
    # Other networks and optimizers in the file are left alone, silently; S must be complete.
    checkpoint.read(path).expect_partial().assert_existing_objects_matched()


def _nothing_there(run_dir: Path, folder: Path, network: Network, which: Which) -> str:
    other = "latest" if which == "best" else "best"
    if network != "segmenter" and checkpoint_paths(folder, "segmenter"):
        kept = {Path(path).name.rpartition("-")[0] for path in checkpoint_paths(folder)}
        return (
            f"{run_dir}: has no network {network}, only {', '.join(sorted(kept))}; --compare "
            "trains others beside S."
        )
    return f"{folder}: holds no checkpoint of {network}; wait for one or try --which={other}."
