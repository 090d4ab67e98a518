"""The process of a candidate, and its protocol with `benchmarks.rounds`. Imports no TensorFlow.

Messages are JSON, one object per line. The first order contains the settings, the candidate and its
precision; the answer lists what will be timed. Then every empty object requests a turn, answered
with seconds per repetition, and the end of orders requests the memory.
"""

import json
import math
import os
import resource
import sys
from collections.abc import Callable
from typing import Any, TextIO

from benchmarks.settings import Settings
from benchmarks.workload import Workload, Workloads

_WARM_UP = 2


class Streams:
    """Orders from standard input, answers to standard output; output of libraries is redirected to
    standard error.
    """

    def __init__(self) -> None:
        self.orders: TextIO = sys.stdin
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def next_order(self) -> dict[str, Any]:
        order = json.loads(self.orders.readline())
        if "settings" in order:
            fields = order["settings"]
            order["settings"] = Settings(**fields | {"crop_size": tuple(fields["crop_size"])})
        return order

    def answer(self, content: dict[str, Any]) -> None:
        print(json.dumps(content), file=self._answers, flush=True)


def take_turns(
    streams: Streams, build: Callable[[], Workloads], settings: Settings, memory: Callable[[], int]
) -> None:
    """Builds the workloads, then answers the parent process until it sends no more orders.

    Args:
        streams: connection to the parent process.
        build: builds the workloads.
        settings: defines the duration of a turn.
        memory: returns the maximum number of bytes that this process has held so far.
    """
    empty = memory()
    workloads = build()
    for workload in workloads.values():
        workload.run(_WARM_UP)
    streams.answer(
        {
            part: {
                "images": workload.images,
                "operations": workload.operations,
                "plain_operations": workload.plain_operations,
            }
            for part, workload in workloads.items()
        }
    )
    share = settings.turn_seconds / len(workloads)
    for _ in streams.orders:
        streams.answer(
            {
                part: time_turn(workload, share, settings.least_repetitions)
                for part, workload in workloads.items()
            }
        )
    streams.answer({"peak_memory": memory(), "empty_memory": empty})


def time_turn(workload: Workload, seconds: float, least_repetitions: int) -> float:
    """Seconds per repetition, averaged over a turn of about `seconds`.

    One repetition runs first, without timing: caches are cold after the turns of others.
    """
    repetitions = max(least_repetitions, math.ceil(seconds / workload.run(1)))
    return workload.run(repetitions) / repetitions


def resident_memory() -> int:
    """The maximum number of bytes of main memory that this process has held."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # Linux counts in KiB
