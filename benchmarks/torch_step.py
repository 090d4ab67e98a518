"""A PyTorch function as a workload."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.workload import Workload, timed


def workload(call: Callable[[], object], images: int, precision: str) -> Workload:
    """A workload that calls the function in `precision`, float32 or bfloat16.

    Operations are counted by PyTorch itself in one call, which is executed: two per multiply-add of
    convolutions, their gradients and matrix products.
    """

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            # Entered anew each time, because it keeps rounded weights, which an update outdates.
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                call()

    with FlopCounterMode(display=False) as counter:
        run(1)
    return Workload(run, images, counter.get_total_flops())
