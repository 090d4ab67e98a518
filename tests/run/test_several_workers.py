"""Runs of several workers: real processes on this machine that talk over its loopback address."""

import contextlib
import csv
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from tfadvseg.config.methods import METHOD_RULES

ROOT = Path(__file__).parents[2]
TINY = [
    *("--width=2", "--depth=1", "--crop_size=32,32", "--global_batch_size=4", "--epochs=2"),
    *("--steps_per_epoch=5", "--val_windows=6", "--augment=flip", "--precision=float32"),
    *("--noexport", "--batch_norm_momentum=0.9"),
]
SHORT = ["--method=supervised", "--epochs=1", "--steps_per_epoch=1"]

pytestmark = pytest.mark.slow


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def tf_config(addresses, index):
    task = {"type": "worker", "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}


class Cluster:
    """Processes of one run, and where their output goes."""

    def __init__(self, folder, count, *flags, own=None, missing=(), environment=tf_config):
        self.addresses = [f"localhost:{port}" for port in free_ports(count)]
        self.output = folder / "run"
        self.logs = [folder / f"worker_{i}.log" for i in range(count)]
        self.processes = {}
        command = [sys.executable, "-m", "tfadvseg", "train", *TINY, *flags]
        command += ["--strategy=multi_worker", f"--output_dir={self.output}"]
        for index in set(range(count)) - set(missing):
            self.start(
                index, command + (own or {}).get(index, []), environment(self.addresses, index)
            )

    def start(self, index, command, environment):
        with self.logs[index].open("ab") as log:
            self.processes[index] = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"CUDA_VISIBLE_DEVICES": ""} | environment,
                cwd=ROOT,
            )

    def wait(self, timeout=3600):
        """Exit statuses, by worker."""
        deadline = time.monotonic() + timeout
        try:
            return {
                index: process.wait(max(deadline - time.monotonic(), 0))
                for index, process in self.processes.items()
            }
        finally:
            for process in self.processes.values():
                process.kill()

    def text(self, index):
        return self.logs[index].read_text()

    def wait_for_checkpoint(self, update):
        while not (self.output / f"checkpoints/ckpt-{update}.index").exists():
            assert all(p.poll() is None for p in self.processes.values()), self.text(0)
            time.sleep(0.1)


def alone(folder, *flags):
    """The same run of one process."""
    command = [sys.executable, "-m", "tfadvseg", "train", *TINY, *flags]
    command.append(f"--output_dir={folder}")
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return rows(folder)


def rows(folder):
    return list(csv.DictReader((folder / "metrics.csv").open()))


def check_close(found, expected):
    """Losses of ten updates agree to rounding: float32 sums of several shares are added in another
    order, which moves them by up to 1e-7 per update.

    Other metrics agree less. Training accuracy counts pixels, some of which are nearly undecided.
    Validation depends on batch norm, whose moving variance is unbiased (Bessel's correction) only
    where there is one replica alone; here that differs by 1 in 4096.
    """
    assert [*found[0]] == [*expected[0]]
    for one, other in zip(found, expected, strict=True):
        for name, value in one.items():
            bound = 1e-6 if name.startswith("train/") and "loss" in name else 5e-3
            if value or other[name]:
                np.testing.assert_allclose(
                    float(value), float(other[name]), rtol=bound, atol=bound, err_msg=name
                )


def flags_of(method):
    """Flags with which a method trains on embedded data."""
    rules = METHOD_RULES[method]
    flags = [f"--method={method}", "--s_optimizer=sgd", "--s_learning_rate=0.01"]
    if rules.discriminator:
        flags += ["--d_width=2", "--d_optimizer=sgd", "--d_dropout=0"]
    if rules.target == "required" or rules.target == "measured":
        flags += ["--target_dataset=membranes", "--target_crop_size=32,32"]
    elif rules.unlabelled:
        flags.append("--labelled_images=2")
    if rules.needs_masks:
        flags.append("--masks_split=train")
    return flags


@pytest.mark.parametrize(
    ("method", "count"),
    [*((method, 2) for method in sorted(METHOD_RULES)), ("supervised", 4), ("adversarial", 4)],
)
def test_workers_reach_the_numbers_of_one_process(method, count, tmp_path):
    flags = flags_of(method)
    cluster = Cluster(tmp_path, count, *flags)
    assert cluster.wait() == dict.fromkeys(range(count), 0), cluster.text(0)
    check_close(rows(cluster.output), alone(tmp_path / "alone", *flags))
    for index in range(1, count):
        assert f"worker {index} has finished; worker 0 writes" in cluster.text(index)


def test_a_signal_stops_all_at_one_update_and_any_number_continues(tmp_path):
    flags = ["--method=adversarial", "--d_width=2", "--steps_per_epoch=150"]
    (tmp_path / "whole").mkdir()
    whole = Cluster(tmp_path / "whole", 2, *flags)
    assert whole.wait() == {0: 0, 1: 0}, whole.text(0)
    cluster = Cluster(tmp_path, 2, *flags, "--checkpoint_every=20")
    cluster.wait_for_checkpoint(20)
    cluster.processes[1].send_signal(signal.SIGTERM)
    assert cluster.wait() == {0: 75, 1: 75}, cluster.text(0)
    again = Cluster(tmp_path, 2, *flags, "--checkpoint_every=20")
    assert again.wait() == {0: 0, 1: 0}, again.text(0)
    assert (again.output / "metrics.csv").read_bytes() == (
        whole.output / "metrics.csv"
    ).read_bytes()
    fewer = Cluster(tmp_path, 1, *flags, "--epochs=3")
    assert fewer.wait() == {0: 0}, fewer.text(0)
    assert [row["epoch"] for row in rows(fewer.output)] == ["1", "2", "3"]


def test_a_lost_worker_ends_the_others_and_is_named(tmp_path):
    flags = ["--method=supervised", "--steps_per_epoch=4000", "--checkpoint_every=20"]
    cluster = Cluster(tmp_path, 2, *flags)
    cluster.wait_for_checkpoint(20)
    cluster.processes[1].kill()
    started = time.monotonic()
    assert cluster.wait() == {0: 75, 1: -signal.SIGKILL}
    assert time.monotonic() - started < 60
    assert "worker 1 (localhost:" in cluster.text(0) and "was lost" in cluster.text(0)
    assert "Traceback" not in cluster.text(0)


def test_workers_with_other_flags_are_refused_by_name(tmp_path):
    cluster = Cluster(tmp_path, 2, "--method=supervised", own={1: ["--seed=7"]})
    assert cluster.wait() == {0: 2, 1: 2}
    for index in (0, 1):
        assert "has other flags than worker 0: --seed 7 (worker 0: 0)" in cluster.text(index)
    assert not (cluster.output / "run.flags").exists()


def test_an_absent_worker_is_named_within_a_minute(tmp_path):
    cluster = Cluster(tmp_path, 2, "--method=supervised", missing=[1])
    assert cluster.wait() == {0: 75}
    assert f"worker 1 ({cluster.addresses[1]}) did not answer within 60 s." in cluster.text(0)
    assert "Traceback" not in cluster.text(0)
    assert not cluster.output.exists()


def test_slurm_describes_the_cluster(tmp_path):
    job = os.getpid()

    def variables(addresses, index):
        return {
            "SLURM_JOB_ID": str(job),
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_STEP_TASKS_PER_NODE": "2",
            "SLURM_PROCID": str(index),
            "SLURM_LOCALID": str(index),
            "SLURMD_NODENAME": "localhost",
        }

    cluster = Cluster(tmp_path, 2, *SHORT, environment=variables)
    assert cluster.wait() == {0: 0, 1: 0}, cluster.text(0)
    assert len(rows(cluster.output)) == 1
    assert "worker 1 has finished; worker 0 writes" in cluster.text(1)


def test_the_manifest_for_kubernetes_describes_the_cluster(tmp_path):
    """Its shell line runs as in a pod, but for the addresses, the paths and the program."""
    text = (ROOT / "docs/several_machines.md").read_text()
    _, found, rest = text.partition("    apiVersion: v1\n")
    indented = itertools.takewhile(lambda line: line.startswith("    "), rest.splitlines())
    service, job = yaml.safe_load_all(textwrap.dedent("\n".join([found.rstrip("\n"), *indented])))
    pod = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    (worker,) = pod["containers"]
    (script,) = worker["args"]
    cluster = Cluster(tmp_path, job["spec"]["completions"], missing=[0, 1])
    for index, address in enumerate(cluster.addresses):
        assert f"train-{index}.train:2222" in script
        script = script.replace(f"train-{index}.train:2222", address)
    script = script.replace("/runs/mine.flags", str(tmp_path / "mine.flags"))
    script = script.replace("/runs/mine", str(cluster.output))
    (tmp_path / "mine.flags").write_text("\n".join([*TINY, *SHORT]))
    program = tmp_path / "bin/tfadvseg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tfadvseg "$@"\n')
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    for index in range(len(cluster.addresses)):
        variables = {"JOB_COMPLETION_INDEX": str(index)} | path
        cluster.start(index, [*worker["command"], script], variables)
    assert cluster.wait() == {0: 0, 1: 0}, cluster.text(0)
    assert len(rows(cluster.output)) == 1
