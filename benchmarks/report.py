"""Figures from measurements: an aligned table, ratios, JSON."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.rounds import Measured
from benchmarks.settings import (
    DESCRIPTIONS,
    FED,
    FULL,
    JOINT_ENCODER,
    JOINT_PATCH,
    KERAS_WAY,
    MATMUL,
    PIPELINE,
    SUPERVISED,
    Settings,
)

_MEBI = 2**20


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Two candidates compared, round by round.

    Attributes:
        what: a phrase.
        precision: of both.
        rounds: the ratio in each round.
        aim: what it should come to, in words; empty where nothing was promised.
    """

    what: str
    precision: str
    rounds: tuple[float, ...]
    aim: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


class Results:
    """All that was measured in one precision."""

    def __init__(self, measured: Iterable[Measured], precision: str) -> None:
        self.precision = precision
        self.measured = [m for m in measured if m.precision == precision]

    def find(self, candidate: str) -> Measured | None:
        """The candidate's only workload, or its last (the pipeline's with all augmentation)."""
        found = [m for m in self.measured if m.candidate == candidate]
        return found[-1] if found else None

    def peaks(self) -> tuple[float, ...]:
        """The fastest matrix multiplication's operations a second, in each round."""
        products = [m for m in self.measured if m.candidate == MATMUL]
        turns = zip(*(m.seconds for m in products), strict=True)
        return tuple(
            max(m.operations / seconds for m, seconds in zip(products, turn, strict=True))
            for turn in turns
        )

    def shares_of_peak(self, measured: Measured, plain: bool = False) -> tuple[float, ...]:
        """Of the peak in the same round; empty if there is none."""
        peaks = self.peaks()
        operations = measured.plain_operations if plain else measured.operations
        if not peaks or not operations:
            return ()
        return tuple(
            operations / seconds / peak
            for seconds, peak in zip(measured.seconds, peaks, strict=True)
        )

    def times_longer(self, one: str, other: str) -> tuple[float, ...]:
        """How many times as long `one` takes for an image as `other`; empty if one is missing."""
        a, b = self.find(one), self.find(other)
        if a is None or b is None:
            return ()
        return tuple(
            (x / a.images) / (y / b.images) for x, y in zip(a.seconds, b.seconds, strict=True)
        )


def ratios(results: Results, settings: Settings, gpu: bool) -> list[Ratio]:
    """The figures that sum it up; with aims where they are set: on the CPU, at full size."""
    aimed = not gpu and (settings.batch, settings.crop_size, settings.width) == (
        FULL.batch,
        FULL.crop_size,
        FULL.width,
    )
    keras_aim = {"float32": "at least 2.2", "bfloat16": "at least 1.6"}
    share_aim = {"float32": "at least 0.70"}
    supervised = results.find(SUPERVISED)
    rows = [
        (
            "S's step: share of the matmul peak",
            results.shares_of_peak(supervised) if supervised else (),
            share_aim.get(results.precision, ""),
        ),
        (
            "joint step with encoder D: times faster than the Keras way",
            results.times_longer(KERAS_WAY, JOINT_ENCODER),
            keras_aim.get(results.precision, ""),
        ),
        (
            "joint step with patch D: times the cost of S's step",
            results.times_longer(JOINT_PATCH, SUPERVISED),
            "at most 1.15",
        ),
        (
            "joint step with encoder D: times the cost of S's step",
            results.times_longer(JOINT_ENCODER, SUPERVISED),
            "",
        ),
        (
            "input pipeline: times faster than S's step consumes",
            results.times_longer(SUPERVISED, PIPELINE),
            "at least 5",
        ),
        (
            "S's step fed by the pipeline: times the cost of S's step",
            results.times_longer(FED, SUPERVISED),
            "",
        ),
    ]
    return [
        Ratio(what, results.precision, values, aim if aimed else "")
        for what, values, aim in rows
        if values
    ]


_HEADINGS = ("", "ms", "spread", "images/s", "GFLOP/s", "of peak", "as plain", "peak MiB")


def format_report(
    machine: dict[str, Any],
    settings: Settings,
    measured: Sequence[Measured],
    notes: Iterable[str],
) -> str:
    """What the script prints."""
    precisions = list(dict.fromkeys(m.precision for m in measured))
    height, width = settings.crop_size
    lines = [
        f"{machine['device']}; TensorFlow {machine['tensorflow']}, Python {machine['python']}",
        f"batch {settings.batch}, {height}x{width} pixels, {settings.width} filters, "
        f"{settings.rounds} rounds",
    ]
    all_ratios: list[Ratio] = []
    for precision in precisions:
        results = Results(measured, precision)
        table = [(precision, *_HEADINGS[1:]), *(_row(m, results) for m in results.measured)]
        lines += ["", *_aligned(table)]
        all_ratios += ratios(results, settings, machine["gpu"])
    table = [("", "precision", "median", "lowest", "highest", "aim")]
    for ratio in all_ratios:
        figures = (ratio.median, min(ratio.rounds), max(ratio.rounds))
        table.append((ratio.what, ratio.precision, *(f"{f:.2f}" for f in figures), ratio.aim))
    if all_ratios:
        lines += ["", *_aligned(table)]
    return "\n".join([*lines, "", *_EXPLANATION, *(f"Note: {note}" for note in notes)])


_EXPLANATION = (
    "Medians over rounds in which the candidates took turns; spread: (highest - lowest) / median.",
    "GFLOP/s: two operations a multiply-add of the convolutions, their gradients and the matrix",
    "products that the graph executes, nothing else; of peak: of the fastest matrix multiplication",
    "in the same round; as plain: the same, had plain upsampling, concatenation and convolution",
    "been executed instead of the tied up-convolution, which computes the same with fewer. Peak",
    "memory: of a process that holds this alone, TensorFlow included.",
)


def _row(measured: Measured, results: Results) -> tuple[str, ...]:
    seconds = statistics.median(measured.seconds)
    spread = (max(measured.seconds) - min(measured.seconds)) / seconds

    def share(plain: bool) -> str:
        values = results.shares_of_peak(measured, plain)
        return f"{statistics.median(values):.0%}" if values else ""

    description = DESCRIPTIONS[measured.candidate]
    return (
        f"{description}: {measured.part}" if measured.part else description,
        f"{1000 * seconds:.1f}",
        f"{spread:.0%}",
        f"{measured.images / seconds:.1f}" if measured.images else "",
        f"{measured.operations / seconds / 1e9:.1f}" if measured.operations else "",
        share(plain=False),
        share(plain=True),
        f"{measured.peak_memory / _MEBI:.0f}",
    )


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right, but for the last of words."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for first, *others in table:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines


def report_json(
    machine: dict[str, Any],
    settings: Settings,
    measured: Sequence[Measured],
    notes: Iterable[str],
) -> dict[str, Any]:
    """The same figures for programs; times in seconds, memory in bytes."""
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
        for ratio in ratios(results, settings, machine["gpu"]):
            summed_up.append({**dataclasses.asdict(ratio), "median": ratio.median})
    return {
        "machine": machine,
        "settings": dataclasses.asdict(settings),
        "measured": entries,
        "ratios": summed_up,
        "notes": list(notes),
    }
