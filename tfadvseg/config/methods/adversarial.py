"""Rules of adversarial training on labelled images."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    smoothing = config.discriminator.d_label_smoothing
    require(
        config.method.gan != "hinge" or not smoothing,
        f"--d_label_smoothing={smoothing}: --gan=hinge has margins and no labels to smooth; leave "
        "it out.",
    )


RULES = MethodRules(
    summary="S against D, which tells S's maps from true ones.",
    options=("schedule", "lambda_adv", "gan", "compare"),
    d_options=(
        "d_image",
        "d_truth",
        "d_truth_tau",
        "d_label_smoothing",
        "d_r1",
        "d_r1_every",
    ),
    discriminator="patch",
    lambda_adv=0.1,
    balances=True,
    relativistic=True,
    boundaries=True,
    arms=("supervised",),
    check=_check,
)
