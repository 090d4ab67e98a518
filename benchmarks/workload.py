"""The unit of measurement."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """Something to repeat and to time.

    Attributes:
        run: does it that many times and returns the seconds that they took, until the device had
            finished; what has to go ahead is not counted.
        images: how many images one repetition takes in; 0 where there are none.
        operations: multiplications plus additions of one repetition, as executed.
        plain_operations: the same for the U-Net with plain upsampling, concatenation and
            convolution, where that network computes the same; else None.
    """

    run: Callable[[int], float]
    images: int = 0
    operations: int = 0
    plain_operations: int | None = None


Workloads = dict[str, Workload]
"""By name; several that share their memory, such as one pipeline's settings."""


def timed(repeat: Callable[[int], None]) -> Callable[[int], float]:
    """For `Workload.run`, from a function that does it that many times and then waits."""

    def run(repetitions: int) -> float:
        start = time.perf_counter()
        repeat(repetitions)
        return time.perf_counter() - start

    return run
