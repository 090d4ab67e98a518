"""Is D still a useful opponent? Plain words when it is not."""

MIN_WINDOW = 50
"""Updates of D that a window needs before it is judged."""


def discriminator_notices(window: dict[str, float]) -> dict[str, str]:
    """What is wrong with D throughout a logging window.

    Args:
        window: means of `d/accuracy_real`, `d/accuracy_fake` and `d/loss_d`, extremes of
            `d/logit_min` and `d/logit_max`.

    Returns:
        A sentence a kind of trouble; empty if D is well or the window tells nothing of it.
    """
    if "d/accuracy_real" not in window:
        return {}
    real, fake = window["d/accuracy_real"], window["d/accuracy_fake"]
    notices = {}
    if real > 0.99 and fake > 0.99:
        notices["saturated"] = (
            f"D tells real from fake almost always (right on {real:.1%} of real and {fake:.1%} of "
            f"fake maps, loss_d {window['d/loss_d']:.3f}): S learns little from it. Try a lower "
            "--d_learning_rate, --d_truth=scaling, --d_label_smoothing=0.1, --d_spectral_norm or "
            "a smaller D (--discriminator=patch, --d_width)."
        )
    if min(real, fake) < 0.01 and max(real, fake) > 0.99:
        answer = "real" if real > fake else "fake"
        notices["one_way"] = (
            f"D answers '{answer}' to nearly everything (right on {real:.1%} of real and "
            f"{fake:.1%} of fake maps): it has collapsed or cannot see the difference. Try a "
            "higher --d_learning_rate, --d_image=concat, a smaller --lambda_adv, or for the "
            "encoder D its batch norm histograms in TensorBoard: a sudden shift of the last "
            "bias is the sign of a collapse."
        )
    extreme = max(-window["d/logit_min"], window["d/logit_max"])
    if extreme > 1000:
        notices["exploded"] = (
            f"D's logits reached {extreme:.0f}: it is diverging. Try a lower --d_learning_rate "
            "or --d_spectral_norm."
        )
    return notices
