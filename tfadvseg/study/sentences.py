"""A comparison in plain words."""

from tfadvseg.reporting.metric_names import change_text, less_is_better, metric_title
from tfadvseg.study.analysis import Comparison
from tfadvseg.study.statistics import CONFIDENCE, least_sign_flip_p_value

LEVEL = 1 - CONFIDENCE

_LEAST_PAIRS = 3
"""Smallest number of pairs whose interval counts as a result."""


def verdict(comparison: Comparison, unit: str) -> str:
    """One to three sentences: the change, its interval, the verdict, and the pairs needed.

    Args:
        comparison: comparison by one metric.
        unit: unit of pairs, `seed` or `fold`.
    """
    names = f"{comparison.arm} against {comparison.reference}"
    title, result = metric_title(comparison.metric), comparison.result
    if result is None:
        return f"{names}: no finished pair yet."
    change = change_text(comparison.metric, result.mean, unit=True)
    if result.pairs < 2:
        return (
            f"{names}: on one paired {unit}, {title} changed by {change}. One pair tells nothing "
            f"about chance; run more {unit}s."
        )
    low, high = (change_text(comparison.metric, bound) for bound in result.interval)
    won, tied, _ = won_tied_lost(comparison)
    counts = f"better in {won} of {result.pairs} {unit}s"
    if tied:
        counts += f", equal in {tied}"
    first = (
        f"On {result.pairs} paired {unit}s {comparison.arm} changed {title} by {change} against "
        f"{comparison.reference} (95 % interval {low} to {high}, {counts})"
    )
    if result.interval[0] <= 0 <= result.interval[1]:
        return f"{first}: no clear change. {_more_pairs(comparison, unit)}"
    if result.pairs < _LEAST_PAIRS:
        return f"{first}: too few pairs to rely on. {_more_pairs(comparison, unit)}"
    helped = (result.mean > 0) != less_is_better(comparison.metric)
    return f"{first}: it {'helped' if helped else 'hurt'}.{_caution(comparison)}"


def won_tied_lost(comparison: Comparison) -> tuple[int, int, int]:
    """Numbers of pairs in which the arm was better than, equal to and worse than its reference."""
    result = comparison.result
    assert result is not None
    counts = (result.wins, result.ties, result.losses)
    return counts[::-1] if less_is_better(comparison.metric) else counts


def _more_pairs(comparison: Comparison, unit: str) -> str:
    result = comparison.result
    assert result is not None
    if result.pairs_needed is None:
        return f"At the spread seen, no practical number of {unit}s would show such a difference."
    return (
        f"To show a difference of this size at the spread seen, about {result.pairs_needed} "
        f"{unit}s are needed (t-test at 5 %, power 80 %)."
    )


def _caution(comparison: Comparison) -> str:
    """Limits of the evidence for a clear change."""
    result = comparison.result
    assert result is not None
    if comparison.t_holm > LEVEL:
        return (
            f" Corrected for all arms compared (Holm), p = {comparison.t_holm:.3f}: among so many "
            "comparisons it may be chance."
        )
    if comparison.sign_flip_holm > LEVEL:
        least = least_sign_flip_p_value(result.pairs)
        return (
            f" The sign-flip test, which assumes no distribution, gives p = "
            f"{result.sign_flip_p_value:.3f} (Holm: {comparison.sign_flip_holm:.3f}); with "
            f"{result.pairs} pairs it cannot fall below {least:.3f}."
        )
    return ""
