"""Estimate of a study's remaining time from its finished runs."""

import statistics
from collections.abc import Mapping, Sequence

from tfadvseg.study.plan import PlannedRun


def estimated_seconds(
    waiting: Sequence[PlannedRun], seconds: Mapping[str, Sequence[float]], at_once: int
) -> float | None:
    """Time for the remaining runs in seconds.

    Args:
        waiting: runs that have not finished.
        seconds: wall time of finished runs, by arm. An arm without any is assumed to take as long
            as the longest of the others.
        at_once: number of runs at a time.

    Returns:
        None if no run has finished yet.
    """
    means = {arm: statistics.mean(each) for arm, each in seconds.items() if each}
    if not means:
        return None
    longest = max(means.values())
    return sum(means.get(run.arm, longest) for run in waiting) / min(at_once, len(waiting) or 1)


def duration_text(seconds: float) -> str:
    """A duration for people, such as `2 h 05 min`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
