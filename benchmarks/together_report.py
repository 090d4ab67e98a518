"""Tables of `benchmarks.together`: measured, and calculated for many GPUs."""

import statistics
from collections.abc import Sequence

from benchmarks.settings import DESCRIPTIONS
from benchmarks.together import Together

_MEBI, _GIGA = 2**20, 1e9
STEP_SECONDS = 0.1
GPUS = (8, 64, 512)
GBITS = (25, 100, 400)


def all_reduce_seconds(size: int, gpus: int, gbits: float) -> float:
    """Seconds of a ring all-reduce: each GPU sends and receives 2 (n - 1) / n times the bytes.

    Args:
        size: bytes of the gradients.
        gpus: number of GPUs in the ring, n.
        gbits: bandwidth of each link in Gbit/s, in each direction.
    """
    return 2 * (gpus - 1) / gpus * size * 8 / (gbits * _GIGA)


def efficiency(size: int, gpus: int, gbits: float, step: float = STEP_SECONDS) -> float:
    """Share of `gpus` times one GPU's speed that is left if nothing overlaps the all-reduce."""
    return step / (step + all_reduce_seconds(size, gpus, gbits))


def together_tables(measured: Sequence[Together]) -> list[list[tuple[str, ...]]]:
    """The measured table and the calculated one, each with a heading."""
    alone = {(m.candidate, m.precision): m for m in measured if m.processes == 1}
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for m in measured:
        one = alone[m.candidate, m.precision]
        ratios = [
            all_of_them / (m.processes * alone_takes)
            for all_of_them, alone_takes in zip(m.seconds, one.seconds, strict=True)
        ]
        seconds = statistics.median(m.seconds)
        reduces = statistics.median(m.reduce_seconds) if m.reduce_seconds else 0.0
        height, width = m.settings.crop_size
        rows.append(
            (
                f"{DESCRIPTIONS[m.candidate].split(',')[0]}, {m.precision}",
                f"{m.processes}",
                f"{m.settings.batch} of {height}x{width}",
                f"{m.gradient_bytes / _MEBI:.1f}",
                f"{1000 * seconds:.1f}",
                f"{1000 * reduces:.1f}" if reduces else "",
                f"{reduces / seconds:.1%}" if reduces else "",
                f"{statistics.median(ratios):.2f}",
            )
        )
    paper: list[tuple[str, ...]] = [
        ("efficiency on paper", *(f"{gpus} at {gbits}" for gbits in GBITS for gpus in GPUS)),
        *(
            (
                DESCRIPTIONS[name].split(",")[0],
                *(f"{efficiency(size, n, gbits):.0%}" for gbits in GBITS for n in GPUS),
            )
            for name, size in {m.candidate: m.gradient_bytes for m in measured}.items()
        ),
    ]
    return [rows, paper]


_HEADINGS = (
    "",
    "processes",
    "batch of each",
    "gradients MiB",
    "step ms",
    "all-reduce ms",
    "of the step",
    "overhead",
)

_STEP = f"{1000 * STEP_SECONDS:.0f} ms"

EXPLANATION = (
    "Several processes: the cores are divided evenly among them; overhead: seconds of a step of",
    "n processes / (n times those of one on all cores); all-reduce: of the gradients, by itself,",
    "over the loopback address. On paper: t / (t + 2 (n - 1) / n * bytes * 8 / bandwidth), for n",
    f"GPUs in a ring at so many Gbit/s each, t = {_STEP} per step, gradients in float32, full",
    "bandwidth, no latency, and nothing computed meanwhile.",
)
