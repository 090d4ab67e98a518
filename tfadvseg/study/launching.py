"""Runs of a study as parallel processes, which share the cores."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tfadvseg.study.plan import TEST_FILE, Part, PlannedRun

_POLL_SECONDS = 0.5
_LOG_TAIL = 65536
"""Number of bytes at the end of a log that are searched for the reason of a failure."""


class StudyStopped(Exception):
    """A signal was received; the running processes have saved their state."""


@dataclass(frozen=True)
class Job:
    """The commands of one run, one after the other, each only if the one before it succeeded.

    Attributes:
        name: name in messages.
        commands: programs with their arguments.
        log: file to which their output is appended.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    log: Path

    def as_shell(self) -> str:
        """One line for a shell, without redirection of its output."""
        return " && ".join(map(shlex.join, self.commands))


@dataclass
class _Process:
    job: Job
    index: int
    process: subprocess.Popen
    log: IO[bytes]
    left: list[tuple[str, ...]] = field(default_factory=list)


def job_of(
    run: PlannedRun, part: Part, train: Sequence[str], evaluate: Sequence[str], trained: bool
) -> Job:
    """The commands of one run.

    Args:
        run: the planned run.
        part: the deciding part; on the test part, S's last state is measured after training.
        train, evaluate: commands of training and of evaluation.
        trained: whether training has finished already.
    """
    commands = [] if trained else [(*train, *run.arguments)]
    if part == "test":
        commands.append(
            (
                *evaluate,
                f"--model={run.folder}",
                "--network=segmenter",
                "--which=latest",
                "--split=test",
                "--per_image",
                f"--output_file={run.folder / TEST_FILE}",
            )
        )
    return Job(f"{run.arm} {run.folder.name.replace('_', ' ')}", tuple(commands), run.log)


def run_jobs(
    jobs: Sequence[Job], at_once: int, ended: Callable[[Job, int], None] = lambda job, code: None
) -> None:
    """Executes all jobs; a failed one does not end the others.

    Args:
        jobs: the jobs, in order.
        at_once: number of processes at a time; several divide this machine's cores among them.
        ended: called when a job ends, with its exit status. An exception in it stops all processes.

    Raises: StudyStopped: SIGINT or SIGTERM was received. The processes have saved their state and
        ended.
    """
    waiting = list(jobs)
    shares = _core_shares(at_once)
    free = list(range(at_once))
    running: list[_Process] = []
    with _stop_requests() as stopped:
        try:
            while waiting or running:
                if stopped:
                    raise StudyStopped
                while waiting and free:
                    index = free.pop(0)
                    running.append(_start(waiting.pop(0), index, shares[index]))
                time.sleep(_POLL_SECONDS)
                for each in list(running):
                    code = each.process.poll()
                    if code is None:
                        continue
                    if code == 0 and each.left:
                        each.process = _spawn(each.left.pop(0), each.log, shares[each.index])
                        continue
                    running.remove(each)
                    each.log.close()
                    free.append(each.index)
                    ended(each.job, code)
        finally:
            _stop(running)


def failure_reason(job: Job, code: int) -> str:
    """Reason of a failure in one line: the last error line of the log, or else its last line."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    with job.log.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _LOG_TAIL, 0))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [f"exit status {code}"])[-1]


def _core_shares(at_once: int) -> list[list[int]]:
    """Cores of each process; empty if it may use all, or if the system does not know them."""
    if at_once == 1 or not hasattr(os, "sched_getaffinity"):
        return [[]] * at_once
    cores = sorted(os.sched_getaffinity(0))
    if at_once > len(cores):
        return [[cores[i % len(cores)]] for i in range(at_once)]
    bounds = [i * len(cores) // at_once for i in range(at_once + 1)]
    return [cores[bounds[i] : bounds[i + 1]] for i in range(at_once)]


def _start(job: Job, index: int, cores: list[int]) -> _Process:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    log = job.log.open("ab")
    first, *left = job.commands
    return _Process(job, index, _spawn(first, log, cores), log, left)


def _spawn(command: Sequence[str], log: IO[bytes], cores: list[int]) -> subprocess.Popen:
    log.write(f"$ {shlex.join(command)}\n".encode())
    log.flush()
    own: dict[str, str] = {}
    if cores:
        # For libraries that count the machine's cores instead of those that they may use.
        own = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), str(len(cores)))
    process = subprocess.Popen(
        command,
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=os.environ | own,
        # Ctrl-C reaches only the study, which then asks its runs to save.
        start_new_session=True,
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    return process


def _stop(running: Sequence[_Process]) -> None:
    """Asks processes to save their state and end, and waits for them."""
    for each in running:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
    for each in running:
        each.process.wait()
        each.log.close()


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Yields a list to which signals are added while the block runs; a second one ends at once."""
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        if received:
            sys.exit(128 + number)
        received.append(number)

    old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
