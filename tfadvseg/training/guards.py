"""Is D still a useful opponent? Plain words when it is not."""

JUDGED_UPDATES = 50
"""Updates of D that it is judged by, in whatever phases and epochs they come."""


_QUESTIONS = (("real", "fake"), ("source", "target"))
"""What a D tells apart: true maps and S's, or S's maps of two domains."""


def discriminator_notices(window: dict[str, float]) -> dict[str, str]:
    """What is wrong with a D throughout a window of its updates.

    Args:
        window: of `JUDGED_UPDATES` updates of each D, `d/` and `aux_d/`: means of its
            `accuracy_*` on the two kinds of maps and of `loss_d`, extremes of `logit_min` and
            `logit_max`.

    Returns:
        A sentence a kind of trouble; empty if D is well or the window tells nothing of it.
    """
    notices: dict[str, str] = {}
    for prefix, name in (("d/", "D"), ("aux_d/", "The auxiliary level's D")):
        for kinds in _QUESTIONS:
            if f"{prefix}accuracy_{kinds[0]}" in window:
                found = _notices(window, prefix, name, kinds)
                notices |= {prefix.removesuffix("d/") + kind: text for kind, text in found.items()}
    return notices


def _notices(
    window: dict[str, float], prefix: str, name: str, kinds: tuple[str, str]
) -> dict[str, str]:
    first, second = kinds
    of_truth = first == "real"
    right_first, right_second = (window[f"{prefix}accuracy_{kind}"] for kind in kinds)
    answers = f"right on {right_first:.1%} of {first} and {right_second:.1%} of {second} maps"
    notices = {}
    if right_first > 0.99 and right_second > 0.99:
        notices["saturated"] = (
            f"{name} tells {first} from {second} almost always ({answers}, loss_d "
            f"{window[f'{prefix}loss_d']:.3f}): S learns little from it. Try a lower "
            "--d_learning_rate, "
            + (
                "--d_truth=scaling, --d_label_smoothing=0.1, --d_spectral_norm or a smaller D "
                "(--discriminator=patch, --d_width)."
                if of_truth
                else "a larger --lambda_adv or a smaller --d_width."
            )
        )
    if min(right_first, right_second) < 0.01 and max(right_first, right_second) > 0.99:
        answer = first if right_first > right_second else second
        notices["one_way"] = (
            f"{name} answers '{answer}' to nearly everything ({answers}): it has collapsed or "
            "cannot see the difference. Try a higher --d_learning_rate, a smaller --lambda_adv"
            + (
                ", --d_image=concat, or for the encoder D its batch norm histograms in "
                "TensorBoard: a sudden shift of the last bias is the sign of a collapse."
                if of_truth
                else "."
            )
        )
    extreme = max(-window[f"{prefix}logit_min"], window[f"{prefix}logit_max"])
    if extreme > 1000:
        notices["exploded"] = (
            f"{name}'s logits reached {extreme:.0f}: it is diverging. Try a lower "
            "--d_learning_rate" + (" or --d_spectral_norm." if of_truth else ".")
        )
    return notices
