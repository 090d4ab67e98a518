"""Conversion of published PyTorch weights to a model folder, and of a run's weights to such a file.

Invalid arguments are refused before a network is built.
"""

from pathlib import Path

from tfadvseg.config.segmenter import WeightsSource
from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which
from tfadvseg.files import atomic, model_spec
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.interop.sources import SOURCES
from tfadvseg.interop.tensor_files import check_kind

CONVERTIBLE = ("deeplab_v2", "deeplab_v2_vgg", "segnet")
"""Segmenters with published weights, by the value of `--segmenter`."""

_WRITABLE = ("deeplab_v2", "deeplab_v2_vgg", "segnet with --segnet_decoder=darkfield")


def make_model(weights: str, source: WeightsSource, spec: ModelSpec, output: Path) -> str:
    """Writes published weights as a folder that the other commands read like a run.

    Args:
        weights: the file.
        source: kind of the file.
        spec: spec of the model; its segmenter is one of `CONVERTIBLE`.
        output: a folder that does not exist yet.

    Returns:
        A text that says which weights were loaded.

    Raises:
        UserError: `output` exists, or the file is missing, of another kind or does not fit.
    """
    if output.exists():
        raise UserError(f"--output_dir={output}: exists already; give another folder.")
    if not Path(weights).is_file():
        raise UserError(f"--weights={weights}: no such file.")
    check_kind(weights)
    import tensorflow as tf

    from tfadvseg.files.checkpoints import save_checkpoint
    from tfadvseg.interop.weights import initialise
    from tfadvseg.models.segmenters import build_segmenter

    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    report = initialise(model, weights, SOURCES[source])
    with atomic.new_folder(output) as folder:
        (folder / model_spec.FILE_NAME).write_text(spec.to_json())
        save_checkpoint(
            tf.train.Checkpoint(model=model), folder / "best", update=0, keep=1, prefix="segmenter"
        )
    return str(report)


def write_weights(run_dir: str, network: Network, which: Which, file: str) -> None:
    """Writes the `state_dict` of a run's network.

    Raises:
        UserError: the suffix is unknown, `run_dir` is not a run, its segmenter has no PyTorch
            names, or the file cannot be written.
    """
    check_kind(file)
    segmenter = ModelSpec.load(run_dir).segmenter
    name: str = segmenter.segmenter
    if name == "segnet":
        name += f" with --segnet_decoder={segmenter.segnet_decoder}"
    if name not in _WRITABLE:
        raise UserError(
            f"--model={run_dir}: is a {name}, which cannot be written; give a run of one of "
            f"{', '.join(_WRITABLE)}."
        )
    from tfadvseg.export.run_model import load_run_segmenter
    from tfadvseg.interop.weights import save

    model, _ = load_run_segmenter(run_dir, network, which)
    save(model, file)
