"""How a worker joins the cluster that `TF_CONFIG` or Slurm describes."""

import json
import os
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.training.reachability import wait_for_workers

_TF_CONFIG = "TF_CONFIG"
_PORTS, _PORTS_PER_JOB = range(20000, 32000), 16


@dataclass(frozen=True)
class Cluster:
    """The workers, and which of them this process is.

    Attributes:
        addresses: host:port of each worker.
        index: of this process.
        source: where this is described, for messages.
    """

    addresses: tuple[str, ...]
    index: int
    source: str


def multi_worker_strategy() -> tf.distribute.MultiWorkerMirroredStrategy:
    """Joins the cluster that the environment describes, once all workers have come.

    Must be called before anything runs on TensorFlow's devices.

    Raises:
        UserError: there is no cluster, its description is damaged, or this worker's port is used.
        training.stopping.Stopped: a worker cannot be reached.
    """
    cluster = described_cluster()
    wait_for_workers(cluster.addresses, cluster.index, cluster.source)
    tf.get_logger().setLevel("WARNING")  # it would announce every kind of exchange
    return tf.distribute.MultiWorkerMirroredStrategy(
        tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
            task_type="worker",
            task_id=cluster.index,
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )
    )


def described_cluster() -> Cluster:
    """The cluster of `TF_CONFIG`, or of the Slurm step that this process belongs to.

    Raises:
        UserError: there is none, or its description is damaged.
    """
    if text := os.environ.get(_TF_CONFIG):
        return _of_tf_config(text)
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return _of_slurm()
    raise UserError(
        f"--strategy=multi_worker: no cluster; set {_TF_CONFIG} for each worker, or start them "
        "with srun (docs/several_machines.md)."
    )


def _of_tf_config(text: str) -> Cluster:
    try:
        described = json.loads(text)
        workers, task = described["cluster"]["worker"], described["task"]
        index = task["index"]
        whole = task["type"] == "worker" and set(described["cluster"]) == {"worker"}
        whole = whole and isinstance(index, int) and 0 <= index < len(workers)
        whole = whole and isinstance(workers, list) and all(map(_is_address, workers))
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise UserError(
            f'{_TF_CONFIG}: write {{"cluster": {{"worker": ["host:port", ...]}}, "task": '
            '{"type": "worker", "index": N}} with N from 0, which differs per worker.'
        )
    if len(set(workers)) < len(workers):
        raise UserError(f"{_TF_CONFIG}: two workers have one address; give each its own.")
    return Cluster(tuple(workers), index, _TF_CONFIG)


def _is_address(text: object) -> bool:
    host, _, port = str(text).rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


def _of_slurm() -> Cluster:
    """The addresses from TensorFlow's resolver, which asks for GPUs and ranks by host name.

    It needs a GPU per worker, and takes a worker's rank for its place among the sorted host names.
    So it is given a number of GPUs that has no effect, and the place follows from the node's name.
    Each worker uses the GPUs that Slurm lets it see.
    """
    environment = os.environ
    try:
        job = int(environment["SLURM_JOB_ID"])
        count = int(environment["SLURM_STEP_NUM_TASKS"])
        # Not the default, 8888, which other jobs on the node and Jupyter use.
        port = _PORTS[job * _PORTS_PER_JOB % len(_PORTS)]
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=count, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
        own_port = port + int(environment["SLURM_LOCALID"])
        index = addresses.index(f"{environment['SLURMD_NODENAME']}:{own_port}")
    except KeyError as error:
        raise UserError(f"Slurm: {error.args[0]} is not set; start the workers by srun.") from None
    except (ValueError, RuntimeError) as error:
        raise UserError(f"Slurm: its variables do not describe a cluster ({error}).") from None
    return Cluster(tuple(addresses), index, "Slurm's variables")
