"""A candidate's process: how it speaks with `benchmarks.rounds`. Imports no TensorFlow.

It speaks JSON, one object a line. The first order is the settings, the candidate and its precision;
the answer says what is to be timed. Then every empty object asks for a turn, answered by seconds
a repetition, and the end of orders for the memory.
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
    """Orders from standard input, answers to standard output; what libraries print goes to
    standard error instead.
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
    """Builds, then does what the parent process asks until it asks no more.

    Args:
        streams: where it asks.
        build: builds what is timed.
        settings: how long a turn is.
        memory: the most bytes that this process has held so far.
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
    """Seconds a repetition, of as many as fill a turn of about `seconds`.

    One more goes ahead: caches are cold, as others have had their turns since.
    """
    repetitions = max(least_repetitions, math.ceil(seconds / workload.run(1)))
    return workload.run(repetitions) / repetitions


def resident_memory() -> int:
    """The most bytes of main memory that this process has held."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # Linux counts in KiB
