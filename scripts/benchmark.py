"""Measures speed and memory on the machine at hand.

    python scripts/benchmark.py                         # the published experiment, some minutes
    python scripts/benchmark.py --only=networks --precisions=float32
    python scripts/benchmark.py --gpu                   # the same on a GPU, and what matters there
    python scripts/benchmark.py --quick                 # does it run? its numbers mean nothing

Training steps, inference and the input pipeline, next to two references: the speed of matrix
multiplication on the device, and the same adversarial updates with compiled Keras models. Each
candidate runs in its own process; they take turns. The table is printed to standard output,
progress to standard error.

--only takes candidates and groups of candidates:

    default      U-Net alone and against D, at the size of the ISBI 2012 experiment
    networks     training step and inference of each --segmenter, at a size that suits it; of fcn
                 and strided_unet also fed by the input pipeline, and that pipeline alone
    unet         U-Net, and the same in PyTorch
    segnet       SegNet with our unpooling, with TensorFlow Addons', and in PyTorch
    adaptation   an iteration of domain adaptation, S and one D for each of its two levels; the same
                 in PyTorch; and its published input, read from PNG files and from prepared copies
    reading      TIFF and PNG files as a folder reads them, by tifffile alone and by Pillow alone
    exports      requests of one image and of a batch, answered by a U-Net's export in float32 and
                 bfloat16, by the same in ONNX Runtime and OpenVINO, and by PyTorch
    newest       S's step, its inference and its step with the patch D, in this TensorFlow and in
                 that of the environment whose Python --newest names
    workers      each network of `networks`, trained by 1, 2 and 4 processes together: the sum of
                 gradients beside the step; and from its bytes what many GPUs would lose, on paper

With --gpu the table is followed by checks of S against the patch D, at the sizes of the group
default: that a run repeats bit for bit, that float16 applies its updates and reaches the loss of
float32, that two replicas (two GPUs, or two parts of the only one) train as one does, and that XLA
gives the same loss, with its gain in speed.

PyTorch is the extra `torch`, ONNX Runtime and OpenVINO are the extra `runtimes`. A note names the
candidates that were left out because one is missing. PyTorch is measured on CPUs only.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfadvseg import cli
from tfadvseg.errors import UserError

# The folder of the checkout, which holds `benchmarks` and is not installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.settings import (
    ADAPTATION,
    ADAPTATION_TORCH,
    DEFAULT_GROUP,
    DESCRIPTIONS,
    FULL,
    GROUPS,
    IN_BFLOAT16,
    IN_NEWEST,
    PACKAGES,
    SUPERVISED,
    TOGETHER,
    Settings,
    package_of,
    plan,
)

_PRECISIONS = ("float32", "bfloat16", "float16")
_BUSY = 0.1
_DEFAULT = "Default: {}; outside the group default, each candidate's own."

_BATCH = flags.DEFINE_integer(
    "batch", None, f"Images per step. {_DEFAULT.format(FULL.batch)}", lower_bound=1
)
_CROP_SIZE = flags.DEFINE_list(
    "crop_size",
    None,
    "height,width of a window, multiples of 16. "
    + _DEFAULT.format("{},{}".format(*FULL.crop_size)),
)
_WIDTH = flags.DEFINE_integer(
    "width",
    None,
    f"Filters of the first level of S and of D. {_DEFAULT.format(FULL.width)}",
    lower_bound=1,
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", None, f"Number of turns of each candidate. Default: {FULL.rounds}.", lower_bound=1
)
_PRECISIONS_FLAG = flags.DEFINE_list(
    "precisions",
    None,
    f"Precisions to measure, among {', '.join(_PRECISIONS)}. Default: those fast on the device.",
)
_ONLY = flags.DEFINE_list(
    "only",
    None,
    f"Groups ({', '.join(GROUPS)}) and candidates ({', '.join(DESCRIPTIONS)}) to measure. "
    f"Default: the group {DEFAULT_GROUP}. Shares of the peak need matmul.",
)
_GPU = flags.DEFINE_bool(
    "gpu",
    False,
    "Require a GPU, and after the table check what matters there. The exit status is 1 if a check "
    "fails.",
)
_NEWEST = flags.DEFINE_string(
    "newest",
    None,
    "For the group newest: the Python of an environment with another TensorFlow, such as "
    ".venv-newest/bin/python.",
)
_QUICK = flags.DEFINE_bool("quick", False, "Tiny sizes, unless flags give others.")
_OUTPUT_JSON = flags.DEFINE_string("output_json", None, "Also write the figures to this file.")


def main(argv: list[str]) -> None:
    del argv
    candidates = _candidates()
    settings = plan(candidates, _QUICK.value, _changes())
    for name in (ADAPTATION, ADAPTATION_TORCH):
        if name in settings and min(settings[name].crop_size) < 32:
            raise UserError("--crop_size: adaptation's Ds take at least 32,32.")
    asked = _chosen("precisions", _PRECISIONS_FLAG.value, _PRECISIONS, ())
    newest = _newest()
    if _OUTPUT_JSON.value:
        cli.check_output_file("--output_json", Path(_OUTPUT_JSON.value))
    # Imported late, so that mistaken flags are reported at once.
    from benchmarks.machine_load import busy_share
    from benchmarks.report import format_checks, format_report, report_json
    from benchmarks.rounds import Measured, check_gpu, describe_machine, measure
    from benchmarks.together import Together, measure_together
    from tfadvseg.files import atomic

    machine = describe_machine()
    if newest:
        machine["newest"] = describe_machine(newest)["tensorflow"]
    precisions = asked or tuple(machine["precisions"])
    if _GPU.value and not machine["gpu"]:
        raise UserError(
            "--gpu: TensorFlow finds no GPU; is the extra `gpu` installed? See README.md."
        )
    if "float16" in precisions and not machine["gpu"]:
        raise UserError("--precisions=float16: takes a GPU; leave it out.")
    start = time.monotonic()
    measured: list[Measured] = []
    together: list[Together] = []
    left_out, notes = _left_out(candidates, machine)
    settings = {name: own for name, own in settings.items() if name not in left_out}
    shared = {name: own for name, own in settings.items() if name in TOGETHER}
    settings = {name: own for name, own in settings.items() if name not in TOGETHER}
    if machine["tensor_float_32"]:
        notes.append("float32 products are rounded to TensorFloat-32 on this GPU, the peak too.")
    for precision in precisions:
        if settings:
            found, busy = measure(settings, precision, _say, newest or sys.executable)
        else:
            found, busy = [], busy_share(1.0)
        measured += found
        together += measure_together(shared, precision, _say)
        if busy is not None and busy > _BUSY:
            notes.append(
                f"other programs took {busy:.0%} of the processor when the rounds in {precision} "
                "began; on a quiet machine the figures would be better."
            )
    checks = check_gpu(_settings_of_checks(), _say) if _GPU.value else {}
    _say(f"done in {time.monotonic() - start:.0f} s")
    print(format_report(machine, measured, notes, together))
    if checks:
        print(format_checks(checks))
    if _OUTPUT_JSON.value:
        figures = report_json(machine, measured, notes, together) | {"checks": checks}
        atomic.write_text(_OUTPUT_JSON.value, json.dumps(figures, indent=2) + "\n")
        print(f"figures: {_OUTPUT_JSON.value}")
    if not all(check["passed"] for check in checks.values()):
        sys.exit(1)


def _newest() -> str | None:
    """The path of --newest, whose processes run in another folder."""
    if not _NEWEST.value:
        return None
    found = shutil.which(_NEWEST.value)
    if found is None:
        raise UserError(f"--newest={_NEWEST.value}: is no program; name the Python to run.")
    return str(Path(found).absolute())


def _settings_of_checks() -> Settings:
    return plan((SUPERVISED,), _QUICK.value, _changes())[SUPERVISED]


def _candidates() -> tuple[str, ...]:
    """What --only names, groups written out."""
    valid = (*GROUPS, *DESCRIPTIONS)
    chosen = _chosen("only", _ONLY.value, valid, (DEFAULT_GROUP,))
    return tuple(
        name
        for name in DESCRIPTIONS
        if name in chosen or any(name in GROUPS.get(group, ()) for group in chosen)
    )


def _left_out(candidates: tuple[str, ...], machine: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The candidates that cannot be measured here, and notes on them."""
    missing: dict[str, list[str]] = {}
    for name in candidates:
        package = package_of(name)
        if package and not machine["packages"][package]:
            missing.setdefault(f"{PACKAGES[package]} is not installed", []).append(name)
        elif package == "torch" and machine["gpu"]:
            missing.setdefault("PyTorch is measured on CPUs only", []).append(name)
        elif name in IN_NEWEST and not _NEWEST.value:
            missing.setdefault("--newest names no Python", []).append(name)
        elif name in IN_BFLOAT16 and "bfloat16" not in machine["precisions"]:
            missing.setdefault("bfloat16 is slow on this processor", []).append(name)
    left_out = [name for names in missing.values() for name in names]
    if len(left_out) == len(candidates):
        raise UserError(f"--only={','.join(left_out)}: {'; '.join(missing)}.")
    notes = [
        f"{why}: {' and '.join(DESCRIPTIONS[name] for name in names)} left out."
        for why, names in missing.items()
    ]
    return left_out, notes


def _changes() -> dict[str, Any]:
    """The fields of `Settings` that flags give."""
    given: dict[str, Any] = {
        "batch": _BATCH.value,
        "crop_size": _crop_size(),
        "width": _WIDTH.value,
        "rounds": _ROUNDS.value,
    }
    return {name: value for name, value in given.items() if value is not None}


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


def _chosen(
    flag: str, given: Sequence[str] | None, valid: tuple[str, ...], default: tuple[str, ...]
) -> tuple[str, ...]:
    """What a list flag names, in our order; `default` where the flag was not given."""
    if given is None:
        return default
    for name in given or ("",):
        if name not in valid:
            raise UserError(f"--{flag}={name}: unknown; choose of {', '.join(valid)}.")
    return tuple(name for name in valid if name in given)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.run(main)
