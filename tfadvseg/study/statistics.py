"""Statistics of paired differences between two arms. No TensorFlow here.

`scipy.stats` takes a second to import, so functions do it: planning a study needs none of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
POWER = 0.8
"""Probability with which `pairs_needed` would find a difference as large as the one seen."""

MOST_PAIRS = 1000
"""Largest value of `pairs_needed`."""

_MOST_FLIPS = 2**20
"""Largest number of sign flips that are enumerated: 20 pairs."""

_TIE = 1e-12


@dataclass(frozen=True)
class PairedResult:
    """One metric of one arm less that of its reference, pair by pair.

    Attributes:
        differences: difference of each pair.
        mean: mean of the differences.
        deviation: their standard deviation (n - 1); NaN for a single pair.
        interval: 95 % interval of the mean by Student's t; NaN for a single pair.
        wins, ties, losses: pairs where the arm is above, equal to and below its reference.
        t_p_value: two-sided p-value of the t-test; NaN for a single pair.
        sign_flip_p_value: two-sided p-value of the exact sign-flip permutation test of the mean.
        pairs_needed: pairs with which a t-test at 5 % would find a difference of this size and
            spread with a probability of 80 %; None beyond `MOST_PAIRS`, and where the spread is
            unknown.
    """

    differences: tuple[float, ...]
    mean: float
    deviation: float
    interval: tuple[float, float]
    wins: int
    ties: int
    losses: int
    t_p_value: float
    sign_flip_p_value: float
    pairs_needed: int | None

    @property
    def pairs(self) -> int:
        return len(self.differences)


def paired_result(
    arm: Sequence[float], reference: Sequence[float], shared_training: float = 0.0
) -> PairedResult:
    """Compares two arms pair by pair.

    Args:
        arm, reference: one value per pair, in the same order; none is NaN.
        shared_training: for folds, the number of held-out images over the number of training
            images. The training parts of different folds overlap, so that differences are
            correlated; the variance of the mean is raised by Nadeau and Bengio's correction
            (Machine Learning 2003, eq. 9): s^2 (1/n + shared_training). 0 for separate seeds.

    Raises:
        ValueError: there is no pair, the numbers of values differ, or a value is not finite.
    """
    from scipy import stats

    if not len(arm) or len(arm) != len(reference):
        raise ValueError(f"{len(arm)} and {len(reference)} values do not make pairs.")
    differences = np.asarray(arm, np.float64) - np.asarray(reference, np.float64)
    if not np.isfinite(differences).all():
        raise ValueError("A value is not finite.")
    count, mean = len(differences), float(differences.mean())
    deviation = float(differences.std(ddof=1)) if count > 1 else math.nan
    error = deviation * math.sqrt(1 / count + shared_training)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * error if count > 1 else math.nan
    ties = int(np.sum(np.abs(differences) <= _TIE))
    wins = int(np.sum(differences > _TIE))
    return PairedResult(
        differences=tuple(differences.tolist()),
        mean=mean,
        deviation=deviation,
        interval=(mean - half, mean + half),
        wins=wins,
        ties=ties,
        losses=count - wins - ties,
        t_p_value=_t_p_value(mean, error, count),
        sign_flip_p_value=sign_flip_p_value(differences),
        pairs_needed=pairs_needed(mean, deviation),
    )


def sign_flip_p_value(differences: Sequence[float] | np.ndarray) -> float:
    """Two-sided p-value of the mean difference when each pair's sign is a coin toss.

    The share of all 2^n sign patterns whose mean is at least as far from 0 as the one seen
    (Fisher's randomisation test). It is exact for up to 20 pairs and drawn at random beyond. Its
    least value is 2 / 2^n, so that fewer than 6 pairs can never reach 0.05.
    """
    from scipy import stats

    values = np.asarray(differences, np.float64)
    if np.all(np.abs(values) <= _TIE):
        return 1.0
    if len(values) == 1:
        return 1.0
    result = stats.permutation_test(
        (values,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_MOST_FLIPS,
        batch=2**14,
        alternative="two-sided",
        rng=np.random.default_rng(0),
    )
    return float(min(result.pvalue, 1.0))


def least_sign_flip_p_value(pairs: int) -> float:
    """The least p-value that so many pairs can give."""
    return min(2 / 2**pairs, 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for being several (Holm, Scandinavian Journal of Statistics 1979).

    NaN stays NaN and does not count as a comparison.
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(order):
        largest = max(largest, min((len(order) - rank) * p, 1.0))
        corrected[i] = largest
    return corrected


def pairs_needed(mean: float, deviation: float) -> int | None:
    """The number of pairs for a two-sided t-test at 5 % to have a power of 80 %.

    Args:
        mean, deviation: of the differences.

    Returns:
        At least 2; None if more than `MOST_PAIRS`, or the deviation is NaN.
    """
    from scipy import stats

    if math.isnan(deviation) or abs(mean) <= _TIE:
        return None
    if deviation <= _TIE:
        return 2
    effect = abs(mean) / deviation

    def power(pairs: int) -> float:
        critical = stats.t.ppf((1 + CONFIDENCE) / 2, pairs - 1)
        return float(stats.nct.sf(critical, pairs - 1, effect * math.sqrt(pairs)))

    low, high = 1, 2
    while power(high) < POWER:
        low, high = high, 2 * high
        if low > MOST_PAIRS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high if high <= MOST_PAIRS else None


def _t_p_value(mean: float, error: float, count: int) -> float:
    from scipy import stats

    if count < 2:
        return math.nan
    if error == 0:
        return 1.0 if abs(mean) <= _TIE else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, count - 1))
