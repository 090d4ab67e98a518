"""--strategy and --precision on this machine, which the tests give two CPUs."""

import pytest
import tensorflow as tf

from tests.methods.test_replicas import PLAIN, check_equals_default, uneven_batch
from tests.testing_utils import tiny_config
from tfadvseg.errors import UserError
from tfadvseg.training.distribution import check_batch_size, choose_precision, choose_strategy


@pytest.mark.parametrize(
    ("name", "replicas"),
    [("auto", 1), ("default", 1), ("one_device", 1), ("mirrored", 2)],
)
def test_strategies_have_as_many_replicas_as_devices(name, replicas):
    assert choose_strategy(name).num_replicas_in_sync == replicas


def test_a_batch_is_shared_evenly_or_refused(two_replicas):
    check_batch_size(4, two_replicas)
    with pytest.raises(UserError, match=r"--global_batch_size=3: 2 replicas.*a multiple of 2"):
        check_batch_size(3, two_replicas)


@pytest.mark.slow
def test_a_step_on_one_device_is_that_of_the_default():
    config = tiny_config(method={"compare": ("standard",)}, **PLAIN)
    check_equals_default(config, choose_strategy("one_device"), uneven_batch())


@pytest.mark.parametrize(
    ("name", "policy"),
    [("float32", "float32"), ("bfloat16", "mixed_bfloat16"), ("float16", "mixed_float16")],
)
def test_a_precision_that_is_asked_for_is_taken(name, policy):
    assert choose_precision(name) == policy


@pytest.mark.parametrize(
    ("capabilities", "policy"),
    [
        ([(8, 0)], "mixed_bfloat16"),
        ([(9, 0), (7, 5)], "mixed_float16"),
        ([(7, 0)], "mixed_float16"),
        ([(6, 1), (8, 0)], "float32"),
    ],
)
def test_auto_takes_what_the_weakest_gpu_multiplies_in_hardware(capabilities, policy, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: capabilities)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": gpu}
    )
    assert choose_precision("auto") == policy


def test_a_cpu_without_onednn_takes_float32_and_is_warned_of_bfloat16(monkeypatch, caplog):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert choose_precision("auto") == "float32"
    assert not caplog.records
    assert choose_precision("bfloat16") == "mixed_bfloat16"
    assert "--precision=bfloat16: this processor" in caplog.text
