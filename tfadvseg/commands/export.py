"""Writes a run's checkpoint as a SavedModel for TensorFlow Serving.

    tfadvseg export --model=runs/mine
    tfadvseg export --model=runs/mine --which=latest --export_dir=/models/cells

The export takes raw images of any size: normalisation, padding and cropping are in its graph. It
is written to EXPORT_DIR/VERSION, whole or not at all.
"""

from pathlib import Path
from typing import cast

from absl import flags

from tfadvseg import cli
from tfadvseg.export.choices import Network, Which
from tfadvseg.flags.command_line import (
    define_network_flags,
    define_test_scales_flag,
    test_scales_of,
)

_MODEL = flags.DEFINE_string("model", None, "The run: its --output_dir.")
_NETWORK, _WHICH = define_network_flags()
_TEST_SCALES = define_test_scales_flag()
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir",
    None,
    "Where versions go: what TensorFlow Serving calls the model's base path. "
    "Default: the run's export folder.",
)
_VERSION = flags.DEFINE_integer(
    "version", None, "A positive number. Default: the next one.", lower_bound=1
)


def main(argv: list[str]) -> None:
    del argv
    model, test_scales = cli.required(_MODEL), test_scales_of(_TEST_SCALES)
    # Only now, so that what is wrong with the flags is said at once.
    from tfadvseg.export.run_model import load_run_segmenter
    from tfadvseg.export.saved_model import export_saved_model

    network, which = cast(Network, _NETWORK.value), cast(Which, _WHICH.value)
    segmenter, spec = load_run_segmenter(model, network, which, test_scales)
    base = _EXPORT_DIR.value or Path(model) / "export"
    folder = export_saved_model(segmenter, spec, base, _VERSION.value)
    print(f"export: {folder} ({network}, {which})")
