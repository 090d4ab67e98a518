"""Processes that take orders and answer; the other side of `benchmarks.turns`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tfadvseg.errors import UserError

_ROOT = Path(__file__).resolve().parent.parent
_OUT_OF_MEMORY = ("ResourceExhausted", "MemoryError", "can't allocate memory")


class Process:
    """A process that measures by orders.

    Attributes:
        what: name in messages.
    """

    def __init__(
        self,
        what: str,
        module: str,
        environment: Mapping[str, str] | None = None,
        cores: Collection[int] = (),
        python: str = sys.executable,
    ) -> None:
        """Starts it.

        Args:
            what: name in messages.
            module: that runs.
            environment: variables beside this process's.
            cores: that it may use; all of this process's if empty.
            python: that runs it.
        """
        self.what = what
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [python, "-m", module],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.orders: IO[str] = self.process.stdin
        self.answers: IO[str] = self.process.stdout

    def order(self, order: dict[str, Any]) -> None:
        try:
            print(json.dumps(order), file=self.orders, flush=True)
        except BrokenPipeError:
            self._fail()

    def answer(self) -> dict[str, Any]:
        line = self.answers.readline()
        if not line:
            self._fail()
        return json.loads(line)

    def finish(self) -> dict[str, Any]:
        """Ends the orders; returns the last answer."""
        self.orders.close()
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.orders, self.answers, self.errors):
            with suppress(BrokenPipeError):
                stream.close()

    def _fail(self) -> None:
        status = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().strip()
        if status == -9 or any(sign in said for sign in _OUT_OF_MEMORY):
            raise UserError(
                f"{self.what}: out of memory; use a smaller --batch, --crop_size or --width, or "
                "omit candidates with --only."
            )
        raise RuntimeError(f"{self.what}: the process ended with status {status}.\n{said}")
