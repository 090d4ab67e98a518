import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.training.schedules import (
    cosine,
    inverse_time,
    poly,
    step_decay,
    warmed_up,
)

SCHEDULES = {
    "step": step_decay(0.5, (3, 5)),
    "poly": poly(0.5, 6),
    "cosine": cosine(0.5, 6),
    "inverse_time": inverse_time(0.5, 0.25),
}


def rates(schedule, updates) -> list[float]:
    return [float(schedule(update)) for update in updates]


def test_step_falls_with_the_boundary_itself():
    falling = step_decay(0.4, (2, 5))
    expected = [0.4, 0.4, 0.04, 0.04, 0.04, 0.004, 0.004]
    assert rates(falling, range(7)) == pytest.approx(expected)


def test_step_distinguishes_boundaries_beyond_single_precision():
    boundary = 2**24 + 1
    falling = step_decay(1.0, (boundary,))
    assert rates(falling, (boundary - 1, boundary)) == pytest.approx([1.0, 0.1])


def test_poly_by_hand():
    # 0.4 * 1, 0.75^0.9, 0.5^0.9 and 0.25^0.9.
    expected = [0.4, 0.308757, 0.214355, 0.114870, 0, 0]
    assert rates(poly(0.4, 4), range(6)) == pytest.approx(expected, rel=1e-5)


def test_poly_of_deeplab():
    # 2.5e-4 * 0.5^0.9
    assert float(poly(2.5e-4, 250_000)(125_000)) == pytest.approx(1.339717e-4, rel=1e-5)


def test_cosine_by_hand():
    # cos of 0, 60, 90, 120 and 180 degrees.
    expected = [0.4, 0.3, 0.2, 0.1, 0, 0]
    assert rates(cosine(0.4, 6), (0, 2, 3, 4, 6, 7)) == pytest.approx(expected, abs=1e-7)


def test_inverse_time_by_hand():
    assert rates(inverse_time(0.6, 0.5), (0, 1, 2, 4)) == pytest.approx([0.6, 0.4, 0.3, 0.2])


def test_warm_up_rises_to_the_schedule_by_its_last_update():
    warming = warmed_up(inverse_time(0.8, 0), 4)
    assert rates(warming, range(6)) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])
    # A boundary within the warm-up counts: 0.8 / 4, 0.8 * 2 / 4, 0.08 * 3 / 4, 0.08.
    warming = warmed_up(step_decay(0.8, (2,)), 4)
    assert rates(warming, range(5)) == pytest.approx([0.2, 0.4, 0.06, 0.08, 0.08])


@pytest.mark.parametrize("name", SCHEDULES)
def test_after_the_warm_up_a_schedule_is_as_without(name):
    schedule = SCHEDULES[name]
    warming = warmed_up(schedule, 2)
    assert rates(warming, range(1, 8)) == rates(schedule, range(1, 8))
    assert float(warming(0)) == pytest.approx(float(schedule(0)) / 2)


def test_no_warm_up_leaves_the_schedule():
    assert warmed_up(SCHEDULES["poly"], 0) is SCHEDULES["poly"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_an_optimizer_takes_each_updates_rate_without_retracing(name):
    schedule = warmed_up(SCHEDULES[name], 3)
    variable = tf.Variable(0.0)
    optimizer = tf.keras.optimizers.SGD(schedule)
    optimizer.build([variable])

    @tf.function(autograph=False)
    def update():
        optimizer.apply_gradients([(tf.constant(1.0), variable)])
        return tf.identity(variable)

    places = [0.0, *(float(update()) for _ in range(7))]
    np.testing.assert_allclose(-np.diff(places), rates(schedule, range(7)), rtol=1e-5, atol=1e-7)
    assert update.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: step_decay(0, (5,)), "learning_rate=0"),
        (lambda: step_decay(1.0, (5, 5)), r"boundaries=\(5, 5\)"),
        (lambda: step_decay(1.0, (0, 5)), r"boundaries=\(0, 5\)"),
        (lambda: step_decay(1.0, ()), r"boundaries=\(\)"),
        (lambda: poly(1.0, 0), "updates=0"),
        (lambda: poly(math.nan, 5), "learning_rate=nan"),
        (lambda: cosine(-1.0, 5), "learning_rate=-1"),
        (lambda: inverse_time(1.0, -1), "decay=-1"),
        (lambda: warmed_up(poly(1.0, 5), -1), "updates=-1"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
