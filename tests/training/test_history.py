import json
import math
import struct

import pytest
import tensorflow as tf

from tfadvseg.errors import UserError
from tfadvseg.training.history import Accumulator, RunLog, check_finite, csv_text, fetch
from tfadvseg.training.types import Maximum, Minimum, Ratio


def test_means_ratios_and_extremes():
    log = Accumulator()
    log.add({"loss": 1.0, "accuracy": Ratio(3.0, 4.0), "low": Minimum(-2.0), "high": Maximum(1.0)})
    log.add({"loss": 2.0, "accuracy": Ratio(0.0, 2.0), "low": Minimum(-1.0), "high": Maximum(5.0)})
    assert log.result() == {"loss": 1.5, "accuracy": 0.5, "low": -2.0, "high": 5.0}


def test_a_ratio_of_nothing_is_not_a_number():
    log = Accumulator()
    log.add({"accuracy": Ratio(0.0, 0.0)})
    assert math.isnan(log.result()["accuracy"])


def test_fetch_brings_tensors_and_ratios():
    scalars = {"a": tf.constant(0.5), "b": Ratio(tf.constant(1.0), tf.constant(2.0))}
    assert fetch(scalars) == {"a": 0.5, "b": (1.0, 2.0)}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_scalar_that_is_not_finite_is_named_with_its_update(bad):
    check_finite({"segmenter/loss_seg": 1.0, "d/loss_d": 2.0}, 7)
    with pytest.raises(UserError, match="update 7: d/loss_d not finite"):
        check_finite({"segmenter/loss_seg": 1.0, "d/loss_d": bad}, 7)


def test_the_log_survives_a_checkpoint_to_the_last_bit(tmp_path):
    log = RunLog()
    log.epoch.add({"loss": 0.1 + 0.2, "accuracy": Ratio(1.0, 3.0), "high": Maximum(1e-30)})
    log.window.add({"loss": 1 / 3})
    log.rows.append({"epoch": 1, "loss": 2 / 3})
    log.notices["saturated"] = "Update 9: ..."
    log.best["segmenter"] = {"miou": 0.7, "update": 3}
    path = tf.train.Checkpoint(log=log).write(str(tmp_path / "c"))
    again = RunLog()
    tf.train.Checkpoint(log=again).read(path).assert_consumed()
    assert again.serialize() == log.serialize()
    again.epoch.add({"loss": 1.0})
    log.epoch.add({"loss": 1.0})
    assert again.epoch.result() == log.epoch.result()
    assert json.loads(log.serialize())["rows"] == [{"epoch": 1, "loss": 2 / 3}]


def test_csv_leaves_empty_what_an_epoch_lacks():
    text = csv_text([{"epoch": 1, "a": 0.5}, {"epoch": 2, "a": 0.1, "b": 3.0}])
    assert text == "epoch,a,b\n1,0.5,\n2,0.1,3.0\n"


def test_csv_numbers_read_back_as_the_same():
    values = [0.1 + 0.2, 1e-30, -0.0, 1e22, 5e-324, math.inf, math.nan]
    text = csv_text([{"epoch": 3} | {str(n): value for n, value in enumerate(values)}])
    cells = text.splitlines()[1].split(",")
    assert cells == ["3", *map(repr, values)]
    assert [struct.pack("d", float(cell)) for cell in cells[1:]] == [
        struct.pack("d", value) for value in values
    ]
