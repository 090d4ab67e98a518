"""Timing in turns: one process per candidate, all of a precision alive at once, A B C, A B C, ...

So a machine whose speed drifts (other tenants, heat) favours no candidate, and ratios can be taken
within each round. Imports no TensorFlow, so that this process needs little memory.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from benchmarks.machine_load import busy_share
from benchmarks.settings import IN_TORCH, Settings
from tfadvseg.errors import UserError

_ROOT = Path(__file__).resolve().parent.parent
_OUT_OF_MEMORY = ("ResourceExhausted", "MemoryError", "can't allocate memory")


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


class _Worker:
    """A process of `benchmarks.worker`, or of `benchmarks.torch_worker`."""

    def __init__(self, what: str, module: str) -> None:
        self.what = what
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.orders: IO[str] = self.process.stdin
        self.answers: IO[str] = self.process.stdout

    def order(self, order: dict[str, Any]) -> None:
        try:
            print(json.dumps(order), file=self.orders, flush=True)
        except BrokenPipeError:
            self._fail()

    def answer(self) -> dict[str, Any]:
        line = self.answers.readline()
        if not line:
            self._fail()
        return json.loads(line)

    def finish(self) -> dict[str, Any]:
        """Ends the orders; returns the last answer."""
        self.orders.close()
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.orders, self.answers, self.errors):
            with suppress(BrokenPipeError):
                stream.close()

    def _fail(self) -> None:
        status = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().strip()
        if status == -9 or any(sign in said for sign in _OUT_OF_MEMORY):
            raise UserError(
                f"{self.what}: out of memory; use a smaller --batch, --crop_size or --width, or "
                "omit candidates with --only."
            )
        raise RuntimeError(f"{self.what}: the process ended with status {status}.\n{said}")


@contextmanager
def _worker(order: dict[str, Any], what: str) -> Iterator[_Worker]:
    in_torch = order.get("candidate") in IN_TORCH
    worker = _Worker(what, "benchmarks.torch_worker" if in_torch else "benchmarks.worker")
    try:
        worker.order(order)
        yield worker
    finally:
        worker.close()


def describe_machine() -> dict[str, Any]:
    """The result of `worker.describe_machine`, from a process that can import TensorFlow."""
    with _worker({}, "machine") as worker:
        return worker.answer()


def measure(
    plan: Mapping[str, Settings], precision: str, say: Callable[[str], None]
) -> tuple[list[Measured], float | None]:
    """Times candidates in turns.

    Args:
        plan: candidates, keys of `settings.DESCRIPTIONS`, and the sizes of each; the number of
            rounds is the same for all.
        precision: `float32`, `bfloat16` or `float16`.
        say: called with lines of progress.

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
                "candidate": name,
                "precision": precision,
            }
            workers[name] = stack.enter_context(_worker(order, f"{name} in {precision}"))
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
