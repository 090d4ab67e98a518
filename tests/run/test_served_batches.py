"""Batches of `serve-data`: the same as the run's own, of its flags alone, and never waited for."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import tiny_config
from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.methods.building import prepare_training
from tfadvseg.run import served_batches
from tfadvseg.run.checks import check_start
from tfadvseg.run.data_server import DataServer
from tfadvseg.run.inputs import make_inputs
from tfadvseg.run.loading import load_data
from tfadvseg.run.networks import build_networks
from tfadvseg.run.parts import Parts
from tfadvseg.run.served_batches import served_phases

MIXED = {"method": "adversarial", "schedule": "alternating"}
TWO_KINDS = {"few_labels": {"labelled_images": 3, "unlabelled_batch_size": 2}}
BALANCED = {"data": {"augment": ("rotate", "flip", "scale"), "crop_balance": 0.5}}
TWO_DOMAINS = {
    "data": {"dataset": "streets_game"},
    "target": {"dataset": "streets_camera", "crop_size": (24, 16)},
}


def addresses(count: int) -> tuple[str, ...]:
    """Addresses on this machine whose port and next port are free."""
    found = []
    while len(found) < count:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(socket.create_server(("", 0)))
            port = first.getsockname()[1]
            stack.enter_context(socket.create_server(("", port + 1)))
            found.append(f"grpc://localhost:{port}")
    return tuple(found)


def run_of(folder: Path, processes: int, method: dict, **changes) -> Config:
    run = {"epochs": 2, "steps_per_epoch": 3, "output_dir": str(folder)}
    config = tiny_config(method=method, run=run, **changes)
    served = dataclasses.replace(config.run, data_service=addresses(processes))
    return dataclasses.replace(config, run=served)


def own_phases(config: Config):
    """The phases of the run itself, and the fingerprint of its examples."""
    data = load_data(config)
    networks = build_networks(
        check_start(config, Parts()), data, Parts(), tf.distribute.get_strategy()
    )
    feed = make_inputs(data, networks.spec, 1).feed
    training = prepare_training(data.config, networks.state, feed, networks.terms)
    return networks.method.phases(training), data.fingerprint


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "changes"),
    [
        (MIXED, {}),
        ({"method": "self_training"}, TWO_KINDS),
        ({"method": "supervised"}, BALANCED),
        ({"method": "adabn"}, TWO_DOMAINS),
    ],
    ids=["alternating", "self_training", "supervised", "adabn"],
)
def test_two_processes_make_the_batches_of_one(tmp_path, method, changes):
    config = run_of(tmp_path, 2, method, **changes)
    servers = [DataServer(config, part) for part in range(2)]
    phases, fingerprint = own_phases(config)
    with served_phases(config, fingerprint, phases) as served:
        for epoch, first in ((1, 2), (0, 0)):  # a continued run begins anywhere
            for server in servers:
                server.register(epoch)
            for phase, other in zip(phases, served, strict=True):
                batches = list(other.batches(epoch, first))
                assert len(batches) == phase.updates - first
                for own, fetched in zip(phase.batches(epoch, first), batches, strict=True):
                    assert own.keys() == fetched.keys()
                    for name, value in own.items():
                        np.testing.assert_array_equal(value, fetched[name], err_msg=name)


def test_without_addresses_the_run_makes_its_batches():
    phases = ()
    with served_phases(tiny_config(), "", phases) as served:
        assert served is phases


def test_batches_of_another_run_are_refused(tmp_path):
    config = run_of(tmp_path, 1, {"method": "supervised"})
    server = DataServer(config)

    def refused(other: Config, fingerprint: str, message: str) -> None:
        with (
            pytest.raises(UserError, match=message) as error,
            served_phases(other, fingerprint, ()),
        ):
            pass
        assert server.address in str(error.value) and "--part=0" in str(error.value)

    fingerprint = load_data(config).fingerprint
    with served_phases(config, fingerprint, ()):
        pass
    refused(config, "other", "another run: images or labels")
    seed = dataclasses.replace(config, run=dataclasses.replace(config.run, seed=3))
    refused(seed, fingerprint, r"--seed \(there 0, here 3\)")
    longer = dataclasses.replace(config, run=dataclasses.replace(config.run, epochs=3))
    refused(longer, fingerprint, r"--epochs \(there 2, here 3\)")
    both = (server.address, *addresses(1))
    shared = dataclasses.replace(config, run=dataclasses.replace(config.run, data_service=both))
    refused(shared, fingerprint, r"part \(there 0 of 1, here 0 of 2\)")
    with pytest.raises(UserError, match=r"cannot listen at port .* in use"):
        DataServer(config)


def test_an_absent_process_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(served_batches, "WAIT_SECONDS", 0.5)
    config = run_of(tmp_path, 1, {"method": "supervised"})
    absent = r"nothing answered .* start tfadvseg serve-data --part=0"
    with pytest.raises(UserError, match=absent), served_phases(config, "", ()):
        pass


@pytest.mark.parametrize(
    ("given", "changes", "message"),
    [
        (("localhost:5050",), {}, "--data_service=localhost:5050: no address; give grpc://host"),
        (("grpc://a:65535",), {}, "no address"),
        (("grpc://a:1", "grpc://a:1"), {}, "names an address twice"),
        (("grpc://a:1", "grpc://b:1", "grpc://c:1"), {}, "3 processes cannot share 4 windows"),
        (("grpc://a:1",), {"loss": {"boundary_weight": 5.0}}, "--boundary_weight=5.0"),
        (("grpc://a:1",), {"run": {"strategy": "multi_worker"}}, "--strategy=multi_worker"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(given, changes, message):
    run = changes.get("run", {}) | {"data_service": given}
    with pytest.raises(UserError, match=message):
        tiny_config(method={"method": "supervised"}, **changes | {"run": run})


def test_a_part_has_an_address():
    config = tiny_config(method={"method": "supervised"})
    with pytest.raises(UserError, match="--data_service: names no address"):
        DataServer(config)
    run = dataclasses.replace(config.run, data_service=("grpc://localhost:1",))
    with pytest.raises(UserError, match="--part=1: --data_service has 1 addresses; take 0 to 0"):
        DataServer(dataclasses.replace(config, run=run), part=1)


TINY = [
    *("--width=2", "--depth=1", "--crop_size=32,32", "--global_batch_size=4", "--val_windows=6"),
    *("--precision=float32", "--noexport", "--nooutlines", "--method=supervised"),
]


@contextlib.contextmanager
def started(command: str, *flags: str):
    """A process of a command, killed at the end."""
    arguments = [sys.executable, "-m", "tfadvseg", command, *TINY, *flags]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.slow
def test_a_run_equals_one_that_makes_its_own_batches(tmp_path):
    short = ["--epochs=2", "--steps_per_epoch=5"]
    service = "--data_service=" + ",".join(addresses(2))
    with contextlib.ExitStack() as stack:
        for part in range(2):
            stack.enter_context(started("serve-data", *short, service, f"--part={part}"))
        for name, more in (("own", []), ("served", [service])):
            folder = f"--output_dir={tmp_path / name}"
            run = stack.enter_context(started("train", *short, *more, folder))
            assert run.wait(300) == 0, run.stderr.read()
    own, served = ((tmp_path / n / "metrics.csv").read_text() for n in ("own", "served"))
    assert own == served


@pytest.mark.slow
def test_a_lost_process_ends_the_run_which_continues_later(tmp_path):
    long = ["--epochs=40", "--steps_per_epoch=100", "--checkpoint_every=20"]
    service = f"--data_service={addresses(1)[0]}"
    run = [*long, service, f"--output_dir={tmp_path}"]

    def checkpoints() -> int:
        return len([*tmp_path.glob("checkpoints/*.index")])

    with started("serve-data", *long, service) as server, started("train", *run) as trained:
        wait_for(checkpoints)
        server.kill()
        assert trained.wait(60) == 75
        assert "was lost; the same command continues" in trained.stderr.read()
    newest = max(path.name for path in tmp_path.glob("checkpoints/*.index"))
    with started("serve-data", *long, service), started("train", *run) as trained:
        wait_for(lambda: max(p.name for p in tmp_path.glob("checkpoints/*.index")) != newest)
        os.kill(trained.pid, signal.SIGTERM)
        assert trained.wait(60) == 75
