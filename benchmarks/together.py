"""What it costs that several processes train one network together. Imports no TensorFlow.

Every process has a batch of its own and an even share of the cores, so n processes need n times the
arithmetic of one on the same cores: what they take beyond n times one's seconds is overhead.
"""

import dataclasses
import json
import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from benchmarks.processes import Process
from benchmarks.settings import ALL_REDUCE_PART, TOGETHER, TRAINING_PART, Settings

PROCESSES = (1, 2, 4)
_WARM_UP = 2


@dataclasses.dataclass(frozen=True)
class Together:
    """A network, trained by some number of processes.

    Attributes:
        candidate: a key of `settings.TOGETHER`.
        precision: of the step; gradients are summed in float32.
        settings: of each process.
        processes: number of them.
        gradient_bytes: that each process sends into a step's sum.
        seconds: of a step, one value per round; the slowest process's.
        reduce_seconds: of the sum alone; empty for one process.
    """

    candidate: str
    precision: str
    settings: Settings
    processes: int
    gradient_bytes: int
    seconds: tuple[float, ...]
    reduce_seconds: tuple[float, ...]


def measure_together(
    plan: dict[str, Settings], precision: str, say: Callable[[str], None]
) -> list[Together]:
    """Times each network with 1, 2 and 4 processes, which take turns.

    Args:
        plan: keys of `settings.TOGETHER`, and the sizes of each.
        precision: `float32`, `bfloat16` or `float16`.
        say: called with lines of progress.
    """
    measured = []
    for name, settings in plan.items():
        with ExitStack() as stack:
            clusters = []
            for count in PROCESSES:
                say(f"{precision}: building {name}, processes: {count}")
                building = _cluster(name, settings, precision, count)
                clusters.append(stack.enter_context(building))
            for turn in range(settings.rounds):
                say(f"{precision}: {name}, round {turn + 1}/{settings.rounds}")
                for cluster in clusters:
                    cluster.take_turn(settings)
            measured += [
                Together(
                    name,
                    precision,
                    settings,
                    len(cluster.processes),
                    cluster.gradient_bytes,
                    tuple(cluster.seconds[TRAINING_PART]),
                    tuple(cluster.seconds.get(ALL_REDUCE_PART, ())),
                )
                for cluster in clusters
            ]
    return measured


class _Cluster:
    """Processes that train together."""

    def __init__(self, processes: list[Process], first_order: dict[str, Any]) -> None:
        self.processes = processes
        facts = self._ask(first_order)[0]
        self.gradient_bytes: int = facts["bytes"]
        self.seconds: dict[str, list[float]] = {part: [] for part in facts["parts"]}
        for part in self.seconds:
            self._time(part, _WARM_UP)

    def take_turn(self, settings: Settings) -> None:
        """Adds one value per part; as in `turns.time_turn`, one repetition runs before."""
        for part, seconds in self.seconds.items():
            wanted = math.ceil(settings.turn_seconds / self._time(part, 1))
            repetitions = max(settings.least_repetitions, wanted)
            seconds.append(self._time(part, repetitions) / repetitions)

    def _time(self, part: str, repetitions: int) -> float:
        answers = self._ask({"part": part, "repetitions": repetitions})
        return max(answer["seconds"] for answer in answers)

    def _ask(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        for process in self.processes:
            process.order(order)
        return [process.answer() for process in self.processes]


@contextmanager
def _cluster(name: str, settings: Settings, precision: str, count: int) -> Iterator[_Cluster]:
    addresses = [f"localhost:{port}" for port in _free_ports(count)]
    order = {
        "settings": dataclasses.asdict(settings),
        "network": TOGETHER[name],
        "precision": precision,
    }
    processes: list[Process] = []
    try:
        for index in range(count):
            task = {"type": "worker", "index": index}
            described = {"cluster": {"worker": addresses}, "task": task}
            environment = {"TF_CONFIG": json.dumps(described)} if count > 1 else {}
            what = f"{name} in {precision}, process {index + 1} of {count}"
            module = "benchmarks.together_worker"
            processes.append(Process(what, module, environment, shared_cores(index, count)))
        yield _Cluster(processes, order)
    finally:
        for process in processes:
            process.close()


def shared_cores(index: int, count: int) -> list[int]:
    """The cores of process `index`; if there are fewer cores than processes, several share one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < count:
        return [cores[index % len(cores)]]
    each = len(cores) // count
    return cores[index * each : (index + 1) * each]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
