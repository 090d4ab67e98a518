"""Rules of deep adversarial networks."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    require(
        config.method.weighs_adversarial,
        "--lambda_adv=0: S learns nothing from images without labels; give a number above 0, or "
        "take --method=supervised.",
    )


RULES = MethodRules(
    summary="S on labelled and unlabelled images, against D, which classifies predictions as "
    "those on labelled or on unlabelled images (DAN).",
    options=("lambda_adv", "gan", "compare"),
    d_options=("d_image", "d_r1", "d_r1_every"),
    without=dict.fromkeys(
        ("masks_dir", "masks_split", "d_truth", "d_truth_tau", "d_ignored"),
        "its D is shown predictions alone, never a true map",
    ),
    discriminator="pooled",
    lambda_adv=0.1,
    unlabelled=("images",),
    boundaries=True,
    arms=("supervised", "adabn"),
    check=_check,
)
