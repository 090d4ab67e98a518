"""Training batches of a run that other processes make (`run.data_server`)."""

import dataclasses
import json
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from absl import logging

from tfadvseg import __version__
from tfadvseg.config import Config
from tfadvseg.config.data_service import host_and_port
from tfadvseg.errors import UserError
from tfadvseg.flags.flagfile import MAY_CHANGE, flag_values
from tfadvseg.run.cluster import PLACES
from tfadvseg.training.stopping import EXIT_STOPPED, Stopped
from tfadvseg.training.types import Batch, Phase

FACTS = "facts"
"""Name of the dataset whose only element, JSON, says which run's batches a process makes."""

WAIT_SECONDS = 60.0
"""Seconds within which each process must accept connections."""

_PAUSE_SECONDS, _MISSES = 5.0, 4


def batches_name(phase: int, epoch: int) -> str:
    """Name of the dataset of an epoch's batches of a phase, both numbered from 0."""
    return f"phase-{phase}-epoch-{epoch}"


@contextmanager
def served_phases(
    config: Config, fingerprint: str, phases: tuple[Phase, ...]
) -> Iterator[tuple[Phase, ...]]:
    """The same phases, whose batches are those of the processes of `--data_service`, if any.

    Within the context the process ends, with status `EXIT_STOPPED`, once one of them is lost:
    TensorFlow would wait for it, and run no Python code meanwhile.

    Args:
        config: the run's configuration.
        fingerprint: fingerprint of the run's examples.
        phases: the run's own phases.

    Raises:
        UserError: a process cannot be reached, or makes batches of another run.
        Stopped: a process was lost.
    """
    addresses = config.run.data_service
    if not addresses:
        yield phases
        return
    # TensorFlow's own call, for each dataset.
    warnings.filterwarnings("ignore", "MessageFactory class is deprecated", UserWarning)
    for part, address in enumerate(addresses):
        _check_process(address, part, config, fingerprint)
    with _ending_without(addresses):
        yield tuple(_with_batches(phase, number, addresses) for number, phase in enumerate(phases))


def _with_batches(phase: Phase, number: int, addresses: Sequence[str]) -> Phase:
    def batches(epoch: int, first: int) -> tf.data.Dataset:
        name = batches_name(number, epoch)
        parts = [_fetched(address, name).skip(first) for address in addresses]
        return tf.data.Dataset.zip(tuple(parts)).map(_joined).prefetch(2)

    return dataclasses.replace(phase, batches=batches)


def _joined(*parts: Batch) -> Batch:
    """The whole batch: the parts' windows, one after the other (`data.shares.Share`)."""
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}


def _fetched(address: str, name: str) -> tf.data.Dataset:
    """A dataset of a process, once it is registered there.

    Raises:
        Stopped: the process was lost.
    """
    service = tf.data.experimental.service
    while True:
        try:
            return service.from_dataset_id(service.ShardingPolicy.OFF, address, name)
        except (ValueError, tf.errors.OpError):  # not registered yet
            if not answers(address):
                raise Stopped(f"{address} (--data_service) was lost") from None
            time.sleep(0.2)


def _check_process(address: str, part: int, config: Config, fingerprint: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not answers(address):
        if time.monotonic() > deadline:
            raise UserError(
                f"--data_service={address}: nothing answered there within {WAIT_SECONDS:.0f} s; "
                f"start tfadvseg serve-data --part={part} with this run's flags on that machine."
            )
        time.sleep(0.2)
    logging.info("%s: waiting until its images are loaded.", address)
    (text,) = _fetched(address, FACTS)
    facts = json.loads(text.numpy())
    if differing := _differences(facts, part, config, fingerprint):
        raise UserError(
            f"--data_service={address}: makes batches of another run: {differing}. Start it with "
            f"this run's flags and --part={part}."
        )


def _differences(facts: dict[str, Any], part: int, config: Config, fingerprint: str) -> str:
    """What a process and the run do not have in common; empty if nothing."""
    theirs = facts["flags"]
    differing = [
        f"--{name} (there {theirs.get(name)}, here {value})"
        for name, value in flag_values(config).items()
        if theirs.get(name) != value and name not in MAY_CHANGE.union(PLACES)
    ]
    if facts["version"] != __version__:
        differing.append(f"version (there {facts['version']}, here {__version__})")
    if facts["data"] != fingerprint:
        differing.append("images or labels")
    place = part, len(config.run.data_service)
    if (facts["part"], facts["parts"]) != place:
        differing.append(
            f"part (there {facts['part']} of {facts['parts']}, here {part} of {place[1]})"
        )
    if facts["epochs"] < config.run.epochs:
        differing.append(f"--epochs (there {facts['epochs']}, here {config.run.epochs})")
    return ", ".join(differing)


def answers(address: str) -> bool:
    """Whether a process accepts connections at the address."""
    try:
        socket.create_connection(host_and_port(address), timeout=_PAUSE_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def _ending_without(addresses: Sequence[str]) -> Iterator[None]:
    """Ends this process if one of the addresses stops answering."""
    over = threading.Event()

    def watch() -> None:
        misses = dict.fromkeys(addresses, 0)
        while not over.wait(_PAUSE_SECONDS):
            for address in addresses:
                misses[address] = 0 if answers(address) else misses[address] + 1
                if misses[address] == _MISSES:
                    print(
                        f"\n{address} (--data_service) was lost; the same command continues.",
                        file=sys.stderr,
                        flush=True,
                    )
                    os._exit(EXIT_STOPPED)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
