"""A function in PyTorch as a workload."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.workload import Workload, timed


def workload(call: Callable[[], object], images: int, precision: str) -> Workload:
    """Calls it in `precision`, float32 or bfloat16.

    Operations are those that PyTorch itself counts in one call, which is executed: two a
    multiply-add of convolutions, their gradients and matrix products.
    """

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            # Anew each time: it keeps rounded weights, which an update makes old.
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                call()

    with FlopCounterMode(display=False) as counter:
        run(1)
    return Workload(run, images, counter.get_total_flops())
