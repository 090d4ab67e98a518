"""Load of the processor by other programs."""

import time
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle and iowait, in the order of proc(5)


def busy_share(seconds: float) -> float | None:
    """Share of all cores' time taken by others during `seconds`; None if unknown."""
    try:
        before = _jiffies()
        time.sleep(seconds)
        after = _jiffies()
    except OSError:
        return None
    spent = [b - a for a, b in zip(before, after, strict=True)]
    return 1 - sum(spent[i] for i in _IDLE) / max(sum(spent), 1)


def _jiffies() -> list[int]:
    total = _STAT.read_text().splitlines()[0]
    return [int(field) for field in total.split()[1:9]]  # user time already includes guests
