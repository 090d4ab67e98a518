"""Warnings about a discriminator that no longer helps S to learn."""

from collections.abc import Mapping, Sequence

from tfadvseg.training.types import Opponent

JUDGED_UPDATES = 50
"""Number of D's updates on which a warning is based; phases and epochs do not matter."""


def discriminator_notices(
    window: Mapping[str, float], opponents: Sequence[Opponent]
) -> dict[str, str]:
    """Warnings about each D over a window of its updates.

    Args:
        window: scalars over `JUDGED_UPDATES` updates of each D: means of `loss_d` and of
            `accuracy_*` on the two sides, minimum of `logit_min`, maximum of `logit_max`.
        opponents: the discriminators.

    Returns:
        A sentence by kind of problem; empty if there is none, or the window lacks the scalars.
    """
    notices: dict[str, str] = {}
    for opponent in opponents:
        if f"{opponent.prefix}/accuracy_{opponent.sides[0]}" in window:
            # The main D's kinds have no prefix, as in earlier checkpoints.
            prefix = opponent.prefix.removesuffix("d")
            found = _notices(window, opponent)
            notices |= {prefix + kind: sentence for kind, sentence in found.items()}
    return notices


def _notices(window: Mapping[str, float], opponent: Opponent) -> dict[str, str]:
    name, prefix, (first, second) = opponent.name, opponent.prefix, opponent.sides
    right_first, right_second = (window[f"{prefix}/accuracy_{side}"] for side in opponent.sides)
    answers = f"right on {right_first:.1%} of {first} and {right_second:.1%} of {second} maps"
    notices = {}
    if right_first > 0.99 and right_second > 0.99:
        notices["saturated"] = (
            f"{name} is almost always right ({answers}, loss_d "
            f"{window[f'{prefix}/loss_d']:.3f}): S learns little from it. Try {opponent.saturated}"
        )
    if min(right_first, right_second) < 0.01 and max(right_first, right_second) > 0.99:
        answer = first if right_first > right_second else second
        notices["one_way"] = (
            f"{name} answers '{answer}' to nearly everything ({answers}): it has collapsed or "
            f"cannot distinguish the two. Try {opponent.one_way}"
        )
    extreme = max(-window[f"{prefix}/logit_min"], window[f"{prefix}/logit_max"])
    if extreme > 1000:
        notices["exploded"] = (
            f"{name}'s logits reached {extreme:.0f}: it is diverging. Try {opponent.exploded}"
        )
    return notices
