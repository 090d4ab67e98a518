"""Rules of output-space domain adaptation."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    method = config.method
    require(
        method.weighs_adversarial or (config.segmenter.levels == 2 and method.lambda_adv_aux > 0),
        "--lambda_adv=0: adapts only batch norm's statistics; take --method=adabn for that.",
    )


RULES = MethodRules(
    summary="S on a labelled source and an unlabelled target, against one D per level that "
    "classifies the domain of S's maps (AdaptSegNet).",
    options=("lambda_adv", "lambda_seg_aux", "lambda_adv_aux", "gan", "iter_size", "compare"),
    d_options=("d_r1", "d_r1_every"),
    discriminator="fc",
    lambda_adv=0.001,
    target="required",
    unlabelled=("target",),
    levels=True,
    arms=("source_only", "adabn"),
    check=_check,
)
