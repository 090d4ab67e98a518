"""Rules of adversarial semi-supervised segmentation."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules
from tfadvseg.config.methods.size_prior import check_size_prior_beside

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    method, epochs = config.method, config.run.epochs
    smoothing = config.discriminator.d_label_smoothing
    require(
        method.weighs_adversarial,
        "--lambda_adv=0: builds no D, which chooses pseudo-labels; give a small "
        "number, or take --method=supervised.",
    )
    require(
        not method.lambda_semi or method.semi_start is None or method.semi_start < epochs,
        f"--semi_start={method.semi_start}: no pseudo-label counts in {epochs} epochs; take fewer, "
        "or --lambda_semi=0.",
    )
    require(
        method.gan != "hinge" or not smoothing,
        f"--d_label_smoothing={smoothing}: --gan=hinge has margins and no labels to smooth; leave "
        "it out.",
    )
    check_size_prior_beside(config)


RULES = MethodRules(
    summary="S on labelled and unlabelled images, against D, which classifies each pixel of a "
    "map as real or fake; where D classifies a prediction as real, it becomes a pseudo-label "
    "(AdvSemiSeg).",
    options=(
        "lambda_adv",
        "lambda_semi_adv",
        "lambda_semi",
        "semi_threshold",
        "semi_start",
        "gan",
        "masks_dir",
        "masks_split",
        "lambda_size",
        "size_loss",
        "compare",
    ),
    d_options=(
        "d_truth",
        "d_truth_tau",
        "d_label_smoothing",
        "d_ignored",
        "d_r1",
        "d_r1_every",
    ),
    discriminator="fc",
    lambda_adv=0.01,
    unlabelled=("images",),
    boundaries=True,
    arms=("supervised", "adabn", "size_prior"),
    check=_check,
)
