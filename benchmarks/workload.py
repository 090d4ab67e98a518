"""The unit of measurement."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A function to repeat and to time.

    Attributes:
        run: takes a number of repetitions and returns the seconds they took until the device had
            finished; preparations are not timed.
        images: number of images per repetition; 0 if there are none.
        operations: multiplications plus additions per repetition, as executed.
        plain_operations: the same for the U-Net with plain upsampling, concatenation and
            convolution, if that network computes the same; otherwise None.
    """

    run: Callable[[int], float]
    images: int = 0
    operations: int = 0
    plain_operations: int | None = None


Workloads = dict[str, Workload]
"""Workloads by name; several that share their memory, such as settings of one pipeline."""


def timed(repeat: Callable[[int], None]) -> Callable[[int], float]:
    """Makes `Workload.run` from a function that repeats it and then waits for the device."""

    def run(repetitions: int) -> float:
        start = time.perf_counter()
        repeat(repetitions)
        return time.perf_counter() - start

    return run
