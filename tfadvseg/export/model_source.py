"""What `--model` may name: a run, or an export."""

from pathlib import Path

from tfadvseg.errors import UserError
from tfadvseg.export.choices import Network, Which
from tfadvseg.export.exported import load_exported
from tfadvseg.export.networks import OwnSegmenter
from tfadvseg.export.predictor import Predictor
from tfadvseg.export.run_model import load_run
from tfadvseg.export.version_folder import EXTRA, find_version
from tfadvseg.files import model_spec
from tfadvseg.files.model_spec import ModelSpec


def is_run(path: str | Path) -> bool:
    """Whether `path` is a run's `--output_dir` rather than an export."""
    return (Path(path) / model_spec.FILE_NAME).is_file()


def load_model_spec(path: str | Path) -> ModelSpec:
    """Reads what a run or an export takes and gives, without its weights.

    Args:
        path: a run's `--output_dir`, an export's base folder or one of its versions.

    Raises:
        UserError: `path` is neither or is damaged.
    """
    return ModelSpec.load(path if is_run(path) else find_version(path) / EXTRA)


def check_choices(
    path: str | Path,
    network: Network | None = None,
    which: Which | None = None,
    test_scales: tuple[float, ...] = (),
) -> None:
    """Refuses what `load_predictor` would refuse of its arguments, without loading anything.

    Raises:
        UserError: there is no folder at `path`, or it is an export and something is asked for that
            only a run holds.
    """
    if not Path(path).is_dir():
        raise UserError(f"--model={path}: no such folder; give a run or an export.")
    if not is_run(path) and (network or which or test_scales):
        raise UserError(
            f"--model={path}: is an export, which holds one network and its scales; leave out "
            "--network, --which and --test_scales, or give the run."
        )


def load_predictor(
    path: str | Path,
    network: Network | None = None,
    which: Which | None = None,
    test_scales: tuple[float, ...] = (),
    segmenter: OwnSegmenter | None = None,
) -> Predictor:
    """Loads a run's network or an export.

    Args:
        path: a run's `--output_dir`, an export's base folder or one of its versions.
        network, which: of a run, as in `load_run_segmenter`; None takes `segmenter`, `best`.
        test_scales: likewise.
        segmenter: the function that a run's segmenter was built with, where it is your own.

    Raises:
        UserError: `path` is neither or is damaged, or it is an export and something is asked for
            that only a run holds.
    """
    check_choices(path, network, which, test_scales)
    if is_run(path):
        return load_run(path, network or "segmenter", which or "best", test_scales, segmenter)
    return load_exported(path)
