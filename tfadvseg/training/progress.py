"""The progress bar: updates, losses, images/s and remaining time."""

import sys
from collections.abc import Mapping

from tqdm import tqdm

_FORMAT = "{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"


class Progress:
    """A progress bar over all updates of a run; messages are printed above it."""

    def __init__(self, total: int, done: int, windows_per_update: int) -> None:
        self._windows_per_update = windows_per_update
        # In a log file, each refresh is a separate line: refresh rarely.
        interval = 0.5 if sys.stderr.isatty() else 30.0
        self._bar = tqdm(
            total=total,
            initial=done,
            mininterval=interval,
            bar_format=_FORMAT,
            dynamic_ncols=True,
            file=sys.stderr,
        )

    def advance(self, description: str, losses: Mapping[str, float]) -> None:
        """Advances the bar by one update and shows its losses."""
        self._bar.set_description_str(description, refresh=False)
        numbers = [f"{name} {value:.3f}" for name, value in losses.items()]
        if rate := self._bar.format_dict["rate"]:
            numbers.append(f"{rate * self._windows_per_update:.1f} images/s")
        self._bar.set_postfix_str(", ".join(numbers), refresh=False)
        self._bar.update()

    def say(self, line: str) -> None:
        """Prints a line above the bar."""
        self._bar.clear()
        print(line, file=sys.stderr, flush=True)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()
