"""Rules of entropy minimisation."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    method = config.method
    require(
        method.lambda_entropy > 0
        or (config.segmenter.levels == 2 and method.lambda_entropy_aux > 0),
        "--lambda_entropy=0: minimises no entropy; give more than 0, or --method=adabn.",
    )


RULES = MethodRules(
    summary="S on the labelled source, minimising also the entropy of its predictions on the "
    "target; no D (MinEnt).",
    options=("lambda_seg_aux", "lambda_entropy", "lambda_entropy_aux", "iter_size", "compare"),
    target="required",
    unlabelled=("target",),
    levels=True,
    arms=("source_only", "adabn"),
    check=_check,
)
