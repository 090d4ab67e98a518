import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfadvseg.study.statistics import (
    holm,
    least_sign_flip_p_value,
    paired_result,
    pairs_needed,
    sign_flip_p_value,
)


def test_three_pairs_by_hand():
    """Differences 1, 2 and 3: mean 2, deviation 1, t(0.975, 2) = 4.302653, standard error 1/√3."""
    result = paired_result([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert result.differences == (1, 2, 3)
    assert (result.mean, result.deviation, result.pairs) == (2, 1, 3)
    half = 4.302652729911275 / math.sqrt(3)
    assert result.interval == pytest.approx((2 - half, 2 + half))
    assert (result.wins, result.ties, result.losses) == (3, 0, 0)
    # t = 2 √3 = 3.4641 with 2 degrees of freedom: p = 1 - t / √(2 + t²).
    assert result.t_p_value == pytest.approx(1 - math.sqrt(12 / 14))
    assert result.sign_flip_p_value == 2 / 8


def test_folds_widen_the_interval():
    """Nadeau and Bengio: s² (1/n + n_test/n_train); with five folds 1/5 + 1/4 = 0.45."""
    values, zero = [1.0, 2.0, 3.0, 4.0, 5.0], [0.0] * 5
    plain, corrected = paired_result(values, zero), paired_result(values, zero, 1 / 4)
    widths = [result.interval[1] - result.mean for result in (plain, corrected)]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt(0.45 / 0.2))
    assert corrected.t_p_value > plain.t_p_value


def test_one_pair_has_no_interval():
    result = paired_result([0.5], [0.25])
    assert result.mean == 0.25
    assert all(map(math.isnan, (result.deviation, *result.interval, result.t_p_value)))
    assert (result.sign_flip_p_value, result.pairs_needed) == (1, None)


def test_equal_arms():
    result = paired_result([0.1, 0.2], [0.1, 0.2])
    assert (result.wins, result.ties, result.losses) == (0, 2, 0)
    assert (result.interval, result.t_p_value, result.sign_flip_p_value) == ((0, 0), 1, 1)


@pytest.mark.parametrize(
    ("arm", "reference"), [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([math.inf], [1.0])]
)
def test_what_makes_no_pairs(arm, reference):
    with pytest.raises(ValueError, match=r"values do not make pairs|not finite"):
        paired_result(arm, reference)


def test_sign_flips_by_hand():
    """Of 16 patterns of 1, 2, 3, -1 (sum 5), those with |sum| >= 5: 7, 5, 5 and their opposites."""
    assert sign_flip_p_value([1, 2, 3, -1]) == pytest.approx(6 / 16)


def test_six_pairs_are_the_fewest_that_reach_five_percent():
    assert sign_flip_p_value([1.0, 2, 3, 4, 5, 6]) == least_sign_flip_p_value(6) == 2 / 64
    assert least_sign_flip_p_value(5) > 0.05 > least_sign_flip_p_value(6)


def test_holm_by_hand():
    """Sorted 0.01, 0.02, 0.04 of three: 3 * 0.01, 2 * 0.02, then not less than the one before."""
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.5, 0.9]) == [1, 1]
    corrected = holm([0.01, math.nan, 0.03])
    assert corrected[0] == pytest.approx(0.02) and math.isnan(corrected[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    for p, corrected in zip(p_values, holm(p_values), strict=True):
        assert p <= corrected <= min(1, len(p_values) * p) + 1e-12


def test_pairs_needed():
    """G*Power 3.1 (paired t-test, two tails, 0.05, power 0.8): 34 pairs for 0.5, 10 for 1."""
    assert (pairs_needed(0.5, 1), pairs_needed(-1, 1), pairs_needed(2, 2)) == (34, 10, 10)
    assert pairs_needed(1e-3, 1) is None
    assert pairs_needed(1, 0) == 2
    assert pairs_needed(0, 1) is pairs_needed(1, math.nan) is None


def test_intervals_hold_the_truth_nineteen_times_in_twenty():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        low, high = paired_result(generator.normal(0.3, 1, 6), np.zeros(6)).interval
        held += low <= 0.3 <= high
    assert 0.93 < held / 500 < 0.97
