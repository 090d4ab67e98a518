"""Timing in turns: one process per candidate, all of a precision alive at once, A B C, A B C, ...

So a machine whose speed drifts (other tenants, heat) favours no candidate, and ratios can be taken
within each round. Imports no TensorFlow, so that this process needs little memory.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from benchmarks.machine_load import busy_share
from benchmarks.processes import Process
from benchmarks.settings import GPU_CHECKS, IN_NEWEST, IN_TORCH, Settings


@dataclasses.dataclass(frozen=True)
class Measured:
    """One timed workload.

    Attributes:
        candidate: a key of `settings.DESCRIPTIONS`.
        part: name of the candidate's workload; empty if it has only one.
        precision: of the process it ran in.
        settings: of the candidate.
        seconds: per repetition, one value per round.
        images: number per repetition; 0 if there are none.
        operations: multiplications plus additions per repetition; 0 if none are counted.
        plain_operations: the same for the plain U-Net; None if not applicable.
        peak_memory: bytes, the maximum of the process.
        empty_memory: bytes, before it built anything.
    """

    candidate: str
    part: str
    precision: str
    settings: Settings
    seconds: tuple[float, ...]
    images: int
    operations: int
    plain_operations: int | None
    peak_memory: int
    empty_memory: int


@contextmanager
def _worker(order: dict[str, Any], what: str, python: str = sys.executable) -> Iterator[Process]:
    in_torch = order.get("candidate") in IN_TORCH
    module = "benchmarks.torch_worker" if in_torch else "benchmarks.worker"
    worker = Process(what, module, python=python)
    try:
        worker.order(order)
        yield worker
    finally:
        worker.close()


def describe_machine(python: str = sys.executable) -> dict[str, Any]:
    """The result of `worker.describe_machine`, from a process that can import TensorFlow."""
    with _worker({}, "machine", python) as worker:
        return worker.answer()


def measure(
    plan: Mapping[str, Settings],
    precision: str,
    say: Callable[[str], None],
    newest: str = sys.executable,
) -> tuple[list[Measured], float | None]:
    """Times candidates in turns.

    Args:
        plan: candidates, keys of `settings.DESCRIPTIONS`, and the sizes of each; the number of
            rounds is the same for all.
        precision: `float32`, `bfloat16` or `float16`.
        say: called with lines of progress.
        newest: the Python of the candidates `settings.IN_NEWEST`.

    Returns:
        One or more measurements per candidate, in order; and the share of the processor that other
        programs took before the first round.

    Raises:
        UserError: out of memory.
    """
    with ExitStack() as stack:
        workers = {}
        for name, settings in plan.items():
            say(f"{precision}: building {name}")
            order = {
                "settings": dataclasses.asdict(settings),
                "candidate": IN_NEWEST.get(name, name),
                "precision": precision,
            }
            python = newest if name in IN_NEWEST else sys.executable
            what = f"{name} in {precision}"
            workers[name] = stack.enter_context(_worker(order, what, python))
        facts = {name: worker.answer() for name, worker in workers.items()}
        say(f"{precision}: built")
        busy = busy_share(1.0)
        seconds: dict[tuple[str, str], list[float]] = {}
        (rounds,) = {settings.rounds for settings in plan.values()}
        for turn in range(rounds):
            say(f"{precision}: round {turn + 1}/{rounds}")
            for name, worker in workers.items():
                worker.order({})
                for part, value in worker.answer().items():
                    seconds.setdefault((name, part), []).append(value)
        memory = {name: worker.finish() for name, worker in workers.items()}
    measured = [
        Measured(
            name,
            part,
            precision,
            plan[name],
            tuple(values),
            **facts[name][part],
            **memory[name],
        )
        for (name, part), values in seconds.items()
    ]
    return measured, busy


def check_gpu(settings: Settings, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """The fields of `gpu_checks.Outcome` for each of `settings.GPU_CHECKS`, one after another."""
    outcomes = {}
    for check in GPU_CHECKS:
        say(f"checking {check}")
        with closing(Process(check, "benchmarks.gpu_checks")) as process:
            process.order({"settings": dataclasses.asdict(settings), "check": check})
            outcomes[check] = process.answer()
    return outcomes
