"""Rules of SegAN."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    loss = config.loss
    weighed = loss.boundary_weight or loss.lambda_dice or loss.lambda_focal
    own = loss.class_weights != "none" or bool(weighed)
    require(
        not own or config.method.segan_loss == "segmentation" or bool(config.method.compare),
        "--segan_loss=dice: replaces the segmentation loss by SegAN's Dice, so its weights "
        "and terms have no effect; leave them out, or give --segan_loss=segmentation.",
    )
    require(
        config.method.weighs_adversarial,
        "--lambda_adv=0: trains no critic; take --method=supervised.",
    )


RULES = MethodRules(
    summary="S against a critic whose features of the masked image it matches (SegAN).",
    options=("lambda_adv", "segan_loss", "compare"),
    d_options=("d_clip",),
    without={
        "gan": "its critic returns features, and S and critic share one loss of them",
        "d_r1": "its critic's weights are clipped instead, by --d_clip",
        **dict.fromkeys(
            ("masks_dir", "masks_split"),
            "its critic compares two maps of the same image",
        ),
    },
    discriminator="critic",
    lambda_adv=1.0,
    boundaries=True,
    arms=("supervised",),
    check=_check,
)
