"""Reports of measurements: an aligned table, ratios, JSON."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.rounds import Measured
from benchmarks.settings import (
    ADAPTATION,
    ADAPTATION_TORCH,
    BY_PILLOW,
    BY_TIFFFILE,
    DESCRIPTIONS,
    EXPORT,
    EXPORT_BFLOAT16,
    EXPORT_ONNXRUNTIME,
    EXPORT_OPENVINO,
    EXPORT_OPENVINO_BFLOAT16,
    EXPORT_TORCH,
    EXPORTS,
    FED,
    FED_PART,
    IN_NEWEST,
    INPUT_PART,
    JOINT_ENCODER,
    JOINT_PATCH,
    KERAS_WAY,
    MATMUL,
    NETWORK_FCN,
    NETWORK_SEGNET,
    NETWORK_STRIDED_UNET,
    NETWORK_UNET,
    OURS,
    PACKAGES,
    PIPELINE,
    PNG_PART,
    READING,
    SEGNET_TFA,
    SEGNET_TORCH,
    SUPERVISED,
    TIFF_PART,
    TRAINING_PART,
    UNET_TORCH,
    full_settings,
    package_of,
)
from benchmarks.together import Together
from benchmarks.together_report import EXPLANATION as TOGETHER_EXPLANATION
from benchmarks.together_report import together_tables

_MEBI = 2**20


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Comparison of two candidates, round by round.

    Attributes:
        what: a phrase.
        precision: precision of both.
        rounds: the ratio in each round.
        aim: the intended value, in words; empty if there is none.
    """

    what: str
    precision: str
    rounds: tuple[float, ...]
    aim: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


class Results:
    """All measurements in one precision."""

    def __init__(self, measured: Iterable[Measured], precision: str) -> None:
        self.precision = precision
        self.measured = [m for m in measured if m.precision == precision]

    def find(self, candidate: str, part: str | None = None) -> Measured | None:
        """A workload of the candidate; without `part` its last one (for the pipeline, the one with
        all augmentation).
        """
        found = [m for m in self.measured if m.candidate == candidate and part in (None, m.part)]
        return found[-1] if found else None

    def peaks(self) -> tuple[float, ...]:
        """Operations per second of the fastest matrix multiplication, in each round."""
        products = [m for m in self.measured if m.candidate == MATMUL]
        turns = zip(*(m.seconds for m in products), strict=True)
        return tuple(
            max(m.operations / seconds for m, seconds in zip(products, turn, strict=True))
            for turn in turns
        )

    def shares_of_peak(self, measured: Measured, plain: bool = False) -> tuple[float, ...]:
        """Shares of the peak in the same round; empty if there is no peak."""
        peaks = self.peaks()
        operations = measured.plain_operations if plain else measured.operations
        if not peaks or not operations:
            return ()
        return tuple(
            operations / seconds / peak
            for seconds, peak in zip(measured.seconds, peaks, strict=True)
        )

    def times_longer(self, one: Measured | None, other: Measured | None) -> tuple[float, ...]:
        """Ratio of the times per image of `one` and `other`; empty if one is missing."""
        if one is None or other is None:
            return ()
        return tuple(
            (x / one.images) / (y / other.images)
            for x, y in zip(one.seconds, other.seconds, strict=True)
        )


def ratios(results: Results, gpu: bool) -> list[Ratio]:
    """The summary ratios; aims apply on the CPU at full size only."""
    aimed = not gpu and all(_is_full_size(m) for m in results.measured)
    rows = [
        *_experiment_ratios(results),
        *_network_ratios(results),
        *_reading_ratios(results),
        *_export_ratios(results),
        *_newest_ratios(results),
    ]
    return [
        Ratio(what, results.precision, values, aim if aimed else "")
        for what, values, aim in rows
        if values
    ]


def _is_full_size(measured: Measured) -> bool:
    ours, full = measured.settings, full_settings(measured.candidate)
    return (ours.batch, ours.crop_size, ours.width) == (full.batch, full.crop_size, full.width)


_Row = tuple[str, tuple[float, ...], str]
"""A phrase, the ratio in each round, an aim."""


def _experiment_ratios(results: Results) -> list[_Row]:
    keras_aim = {"float32": "at least 2.2", "bfloat16": "at least 1.6"}
    share_aim = {"float32": "at least 0.70"}
    supervised, fed, patch, encoder, keras_way, pipeline = map(
        results.find, (SUPERVISED, FED, JOINT_PATCH, JOINT_ENCODER, KERAS_WAY, PIPELINE)
    )
    return [
        (
            "S's step: share of matmul peak",
            results.shares_of_peak(supervised) if supervised else (),
            share_aim.get(results.precision, ""),
        ),
        (
            "joint step with encoder D: speed-up over the Keras way",
            results.times_longer(keras_way, encoder),
            keras_aim.get(results.precision, ""),
        ),
        (
            "joint step with patch D: cost relative to S's step",
            results.times_longer(patch, supervised),
            "at most 1.15",
        ),
        (
            "joint step with encoder D: cost relative to S's step",
            results.times_longer(encoder, supervised),
            "",
        ),
        (
            "input pipeline: speed relative to S's step",
            results.times_longer(supervised, pipeline),
            "at least 5",
        ),
        (
            "S's step fed by the pipeline: cost relative to S's step",
            results.times_longer(fed, supervised),
            "",
        ),
    ]


def _network_ratios(results: Results) -> list[_Row]:
    segnet, with_tfa, in_torch = (
        results.find(name, TRAINING_PART) for name in (NETWORK_SEGNET, SEGNET_TFA, SEGNET_TORCH)
    )
    torch_aim = {"float32": "at least 1"}
    unet, unet_in_torch = (results.find(name, TRAINING_PART) for name in (NETWORK_UNET, UNET_TORCH))
    rows = [
        (
            "U-Net's step: speed-up over PyTorch",
            results.times_longer(unet_in_torch, unet),
            "at least 1.3",
        ),
        (
            "SegNet's step: speed-up over TFA's unpooling",
            results.times_longer(with_tfa, segnet),
            "",
        ),
        (
            "SegNet's step: speed-up over PyTorch",
            results.times_longer(in_torch, segnet),
            torch_aim.get(results.precision, ""),
        ),
    ]
    for name in (NETWORK_FCN, NETWORK_STRIDED_UNET):
        step, fed, source = (
            results.find(name, part) for part in (TRAINING_PART, FED_PART, INPUT_PART)
        )
        network = DESCRIPTIONS[name]
        rows += [
            (
                f"{network}: input pipeline, speed relative to the step",
                results.times_longer(step, source),
                "more than 1",
            ),
            (
                f"{network}: step fed by the pipeline, cost relative to the step alone",
                results.times_longer(fed, step),
                "at most 1.1",
            ),
        ]
    ours, theirs = results.find(ADAPTATION), results.find(ADAPTATION_TORCH)
    what = "adaptation: speed-up over PyTorch"
    return [*rows, (what, results.times_longer(theirs, ours), torch_aim.get(results.precision, ""))]


def _export_ratios(results: Results) -> list[_Row]:
    rows: list[_Row] = []
    for part in ("one image", "a batch"):
        found = {name: results.find(name, part) for name in (*EXPORTS, EXPORT_TORCH)}
        ours, rounded = found[EXPORT], found[EXPORT_BFLOAT16]
        rows += [
            (
                f"export, {part}: speed relative to {PACKAGES[str(package_of(name))]}'s",
                results.times_longer(found[name], ours),
                "at least 1" if name == EXPORT_OPENVINO else "",
            )
            for name in (EXPORT_ONNXRUNTIME, EXPORT_OPENVINO, EXPORT_TORCH)
        ]
        rows += [
            (
                f"export in bfloat16, {part}: speed relative to float32",
                results.times_longer(ours, rounded),
                "at least 1.7",
            ),
            (
                f"export in bfloat16, {part}: speed relative to OpenVINO's",
                results.times_longer(found[EXPORT_OPENVINO_BFLOAT16], rounded),
                "",
            ),
        ]
    return rows


def _newest_ratios(results: Results) -> list[_Row]:
    return [
        (
            f"{DESCRIPTIONS[here]}: time in this TensorFlow relative to the other's",
            results.times_longer(results.find(here), results.find(there)),
            "",
        )
        for there, here in IN_NEWEST.items()
    ]


def _reading_ratios(results: Results) -> list[_Row]:
    rows = []
    for kind, alone in ((TIFF_PART, BY_TIFFFILE), (PNG_PART, BY_PILLOW)):
        ours, theirs = (results.find(READING, f"{kind}, {by}") for by in (OURS, alone))
        rows.append(
            (f"{kind} files: time relative to {alone}", results.times_longer(ours, theirs), "")
        )
    return rows


_HEADINGS = (
    "",
    "batch",
    "filters",
    "ms",
    "spread",
    "images/s",
    "GFLOP/s",
    "of peak",
    "as plain",
    "peak MiB",
)


def format_report(
    machine: dict[str, Any],
    measured: Sequence[Measured],
    notes: Iterable[str],
    together: Sequence[Together] = (),
) -> str:
    """The text that the script prints."""
    precisions = list(dict.fromkeys(m.precision for m in measured))
    versions = [f"TensorFlow {machine['tensorflow']}", f"Python {machine['python']}"]
    if "newest" in machine:
        versions.insert(1, f"other TensorFlow {machine['newest']}")
    needed = {package_of(m.candidate) for m in measured}
    versions[1:1] = [
        f"{PACKAGES[package]} {number}"
        for package, number in machine["packages"].items()
        if package in needed
    ]
    plans = [m.settings for m in measured] + [m.settings for m in together]
    rounds = max(settings.rounds for settings in plans)
    lines = [f"{machine['device']}; {', '.join(versions)}", f"{rounds} rounds"]
    all_ratios: list[Ratio] = []
    for precision in precisions:
        results = Results(measured, precision)
        table = [(precision, *_HEADINGS[1:]), *(_row(m, results) for m in results.measured)]
        lines += ["", *_aligned(table)]
        all_ratios += ratios(results, machine["gpu"])
    table = [("", "precision", "median", "lowest", "highest", "aim")]
    for ratio in all_ratios:
        figures = (ratio.median, min(ratio.rounds), max(ratio.rounds))
        table.append((ratio.what, ratio.precision, *(f"{f:.2f}" for f in figures), ratio.aim))
    if all_ratios:
        lines += ["", *_aligned(table)]
    if measured:
        lines += ["", *_EXPLANATION]
    if together:
        for rows in together_tables(together):
            lines += ["", *_aligned(rows)]
        lines += ["", *TOGETHER_EXPLANATION]
    return "\n".join([*lines, *(f"Note: {note}" for note in notes)])


_EXPLANATION = (
    "Batch: images per step (for adaptation, of both domains) and their height x width; filters:",
    "of the first level. Medians over rounds in which the candidates took turns; spread: (highest",
    "- lowest) / median. GFLOP/s: two operations per multiply-add of the convolutions, their",
    "gradients and the matrix products that the graph executes, and no others; of peak: relative",
    "to the fastest matrix multiplication in the same round; as plain: the same, counting plain",
    "upsampling, concatenation and convolution instead of the tied up-convolution, which computes",
    "the same with fewer operations. Peak memory: of a process with this candidate alone, in all",
    "its parts, including libraries.",
)


def format_checks(checks: dict[str, dict[str, Any]]) -> str:
    """Lines about the outcomes of `rounds.check_gpu`, after an empty one."""
    width = max(map(len, checks))
    return "\n".join(
        ["", "Checks of S against the patch D:"]
        + [
            f"{name.ljust(width)}  {'passed' if it['passed'] else 'FAILED'}: {it['found']}"
            for name, it in checks.items()
        ]
    )


def _row(measured: Measured, results: Results) -> tuple[str, ...]:
    seconds = statistics.median(measured.seconds)
    spread = (max(measured.seconds) - min(measured.seconds)) / seconds

    def share(plain: bool) -> str:
        values = results.shares_of_peak(measured, plain)
        return f"{statistics.median(values):.0%}" if values else ""

    description = DESCRIPTIONS[measured.candidate]
    settings = measured.settings
    height, width = settings.crop_size
    rate = measured.images / seconds
    return (
        f"{description}: {measured.part}" if measured.part else description,
        f"{measured.images} of {height}x{width}" if measured.images else "",
        f"{settings.width}" if settings.width and measured.images and measured.operations else "",
        f"{1000 * seconds:.1f}",
        f"{spread:.0%}",
        f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}" if rate else "",
        f"{measured.operations / seconds / 1e9:.1f}" if measured.operations else "",
        share(plain=False),
        share(plain=True),
        f"{measured.peak_memory / _MEBI:.0f}",
    )


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the first column aligned left and the others right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for first, *others in table:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines


def report_json(
    machine: dict[str, Any],
    measured: Sequence[Measured],
    notes: Iterable[str],
    together: Sequence[Together] = (),
) -> dict[str, Any]:
    """The same figures in machine-readable form; times in seconds, memory in bytes."""
    entries = []
    summed_up = []
    for precision in dict.fromkeys(m.precision for m in measured):
        results = Results(measured, precision)
        for m in results.measured:
            shares = results.shares_of_peak(m)
            plain = results.shares_of_peak(m, plain=True)
            seconds = statistics.median(m.seconds)
            entries.append(
                {
                    **dataclasses.asdict(m),
                    "median_seconds": seconds,
                    "images_per_second": m.images / seconds if m.images else None,
                    "share_of_peak": statistics.median(shares) if shares else None,
                    "share_of_peak_as_plain": statistics.median(plain) if plain else None,
                }
            )
        for ratio in ratios(results, machine["gpu"]):
            summed_up.append({**dataclasses.asdict(ratio), "median": ratio.median})
    return {
        "machine": machine,
        "measured": entries,
        "ratios": summed_up,
        "together": [dataclasses.asdict(each) for each in together],
        "notes": list(notes),
    }
