"""Which worker of which cluster the environment describes."""

import json

import pytest

from tfadvseg.errors import UserError
from tfadvseg.training.joining import described_cluster


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS", raising=False)


def tf_config(workers, index, type_="worker"):
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": type_, "index": index}})


def test_tf_config_is_read(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "b:2"], 1))
    cluster = described_cluster()
    assert (cluster.addresses, cluster.index) == (("a:1", "b:2"), 1)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        tf_config(["a:1", "b:2"], 2),
        tf_config(["a:1", "b:2"], "0"),
        tf_config(["a:1", "b:2"], 0, "chief"),
        tf_config(["a", "b:2"], 0),
        tf_config(["a:x", "b:2"], 0),
        tf_config(["a:70000", "b:2"], 0),
        tf_config("a:1", 0),
    ],
)
def test_a_damaged_tf_config_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=r'write \{"cluster"'):
        described_cluster()


def test_two_workers_of_one_address_are_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(["a:1", "a:1"], 0))
    with pytest.raises(UserError, match="two workers have one address"):
        described_cluster()


def test_without_a_cluster_the_error_says_how_to_have_one():
    with pytest.raises(UserError, match="no cluster; set TF_CONFIG"):
        described_cluster()


def slurm(monkeypatch, node, local, job="1"):
    """Variables that srun sets for a task of nodes n9 and n10 with two tasks each."""
    variables = {
        "SLURM_JOB_ID": job,
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": "n[9-10]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": local,
        "SLURMD_NODENAME": node,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("node", ["n9", "n10"])
@pytest.mark.parametrize("local", ["0", "1"])
def test_a_slurm_task_finds_its_own_address(node, local, monkeypatch):
    """Host names sorted as text (n10, n9) must not turn the ranks."""
    slurm(monkeypatch, node, local)
    cluster = described_cluster()
    assert len(set(cluster.addresses)) == 4
    port = 20016 + int(local)
    assert cluster.addresses[cluster.index] == f"{node}:{port}"


def test_slurm_jobs_on_one_node_have_other_ports(monkeypatch):
    slurm(monkeypatch, "n9", "0", job="1")
    one = described_cluster().addresses
    slurm(monkeypatch, "n9", "0", job="2")
    assert not set(one) & set(described_cluster().addresses)


def test_a_missing_variable_of_slurm_is_named(monkeypatch):
    slurm(monkeypatch, "n9", "0")
    monkeypatch.delenv("SLURM_LOCALID")
    with pytest.raises(UserError, match="SLURM_LOCALID is not set; start the workers by srun"):
        described_cluster()
    slurm(monkeypatch, "n9", "0")
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(UserError, match="SLURM_STEP_NODELIST"):
        described_cluster()
