"""Rules of adversarial training on labelled images."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules
from tfadvseg.config.methods.size_prior import check_size_prior_beside

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    smoothing = config.discriminator.d_label_smoothing
    require(
        config.method.gan != "hinge" or not smoothing,
        f"--d_label_smoothing={smoothing}: --gan=hinge uses margins and has no labels to smooth; "
        "leave it out.",
    )
    check_size_prior_beside(config)
    if not config.method.uses_masks:
        return
    d, given = config.discriminator, config.method.masks_flag
    require(
        d.d_image == "none",
        f"{given}: D sees these masks without images, so it must see S's maps without images, "
        "too; add --d_image=none.",
    )
    require(
        d.d_ignored == "shown",
        f"{given}: D would recognise S's maps by the zeros of ignored pixels; add "
        "--d_ignored=shown.",
    )


RULES = MethodRules(
    summary="S against D, which distinguishes S's maps from true ones.",
    options=(
        "schedule",
        "lambda_adv",
        "gan",
        "masks_dir",
        "masks_split",
        "lambda_size",
        "size_loss",
        "compare",
    ),
    d_options=(
        "d_image",
        "d_truth",
        "d_truth_tau",
        "d_label_smoothing",
        "d_ignored",
        "d_noise",
        "d_r1",
        "d_r1_every",
    ),
    discriminator="patch",
    lambda_adv=0.1,
    boundaries=True,
    arms=("supervised", "size_prior"),
    check=_check,
)
