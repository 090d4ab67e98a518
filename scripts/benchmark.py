"""Measures speed and memory on the machine at hand.

    python scripts/benchmark.py                         # everything, some minutes
    python scripts/benchmark.py --only=matmul,supervised --precisions=float32
    python scripts/benchmark.py --quick                 # does it run? its numbers mean nothing

Training steps, inference and the input pipeline, beside two yardsticks: the matrix multiplication
that the device manages, and the same adversarial updates done with compiled Keras models. Each
candidate has a process of its own; they take turns. A table goes to standard output, progress to
standard error.
"""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from absl import flags

from tfadvseg import cli
from tfadvseg.errors import UserError

# The folder of the checkout, which holds `benchmarks` and is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.settings import DESCRIPTIONS, FULL, QUICK, Settings

_PRECISIONS = ("float32", "bfloat16", "float16")
_BUSY = 0.1

_BATCH = flags.DEFINE_integer(
    "batch", None, f"Images a step. Default: {FULL.batch}.", lower_bound=1
)
_CROP_SIZE = flags.DEFINE_list(
    "crop_size",
    None,
    "height,width of a window, multiples of 16. Default: {},{}.".format(*FULL.crop_size),
)
_WIDTH = flags.DEFINE_integer(
    "width",
    None,
    f"Filters of the first level of S and of the encoder D. Default: {FULL.width}.",
    lower_bound=1,
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", None, f"Turns that each candidate takes. Default: {FULL.rounds}.", lower_bound=1
)
_PRECISIONS_FLAG = flags.DEFINE_list(
    "precisions", None, f"Of {', '.join(_PRECISIONS)}. Default: those that the device runs fast."
)
_ONLY = flags.DEFINE_list(
    "only", None, f"Of {', '.join(DESCRIPTIONS)}. Default: all. Shares of the peak need matmul."
)
_QUICK = flags.DEFINE_bool("quick", False, "Tiny sizes, unless flags give others.")
_OUTPUT_JSON = flags.DEFINE_string("output_json", None, "Also write the figures to this file.")


def main(argv: list[str]) -> None:
    del argv
    settings = _settings()
    candidates = _chosen("only", _ONLY.value, tuple(DESCRIPTIONS))
    asked = _chosen("precisions", _PRECISIONS_FLAG.value, _PRECISIONS)
    _check_output()
    # Only now, so that what is wrong with the flags is said at once.
    from benchmarks.report import format_report, report_json
    from benchmarks.rounds import Measured, describe_machine, measure
    from tfadvseg import atomic

    machine = describe_machine()
    precisions = asked if _PRECISIONS_FLAG.value else tuple(machine["precisions"])
    if "float16" in precisions and not machine["gpu"]:
        raise UserError("--precisions=float16: takes a GPU; leave it out.")
    start = time.monotonic()
    measured: list[Measured] = []
    notes = []
    if machine["tensor_float_32"]:
        notes.append("float32 products are rounded to TensorFloat-32 on this GPU, the peak too.")
    for precision in precisions:
        found, busy = measure(settings, candidates, precision, _say)
        measured += found
        if busy is not None and busy > _BUSY:
            notes.append(
                f"other programs took {busy:.0%} of the processor when the rounds in {precision} "
                "began; on a quiet machine the figures would be better."
            )
    _say(f"done in {time.monotonic() - start:.0f} s")
    print(format_report(machine, settings, measured, notes))
    if _OUTPUT_JSON.value:
        figures = report_json(machine, settings, measured, notes)
        atomic.write_text(_OUTPUT_JSON.value, json.dumps(figures, indent=2) + "\n")
        print(f"figures: {_OUTPUT_JSON.value}")


def _check_output() -> None:
    """Said now rather than after minutes."""
    if not _OUTPUT_JSON.value:
        return
    path = Path(_OUTPUT_JSON.value)
    if path.is_dir():
        raise UserError(f"--output_json={path}: a folder; name a file.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"--output_json={path}: its folder is absent or not writable.")


def _settings() -> Settings:
    given: dict[str, Any] = {
        "batch": _BATCH.value,
        "crop_size": _crop_size(),
        "width": _WIDTH.value,
        "rounds": _ROUNDS.value,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(QUICK if _QUICK.value else FULL, **changes)


def _crop_size() -> tuple[int, int] | None:
    if _CROP_SIZE.value is None:
        return None
    text = ",".join(_CROP_SIZE.value)
    try:
        height, width = map(int, _CROP_SIZE.value)
    except ValueError:
        raise UserError(f"--crop_size={text}: give height,width.") from None
    if min(height, width) < 16 or height % 16 or width % 16:
        raise UserError(f"--crop_size={text}: take multiples of 16, which four poolings halve.")
    return height, width


def _chosen(flag: str, given: list[str] | None, valid: tuple[str, ...]) -> tuple[str, ...]:
    """What a list flag names, in our order; all if it is not given."""
    for name in given or ():
        if name not in valid:
            raise UserError(f"--{flag}={name}: unknown; choose of {', '.join(valid)}.")
    return tuple(name for name in valid if not given or name in given)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.run(main)
