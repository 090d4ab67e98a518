"""Rules of training with a size prior."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    require(
        config.method.uses_masks,
        "--masks_dir: --method=size_prior needs masks for its class shares; give a folder of them, "
        "or --masks_split with a part of the dataset.",
    )


def check_size_prior_beside(config: "Config") -> None:
    """Refuses the size prior in `--compare` without masks, whose class shares it needs."""
    require(
        "size_prior" not in config.method.compare or config.method.uses_masks,
        "--compare=size_prior: needs masks for its class shares; give --masks_dir or "
        "--masks_split.",
    )


RULES = MethodRules(
    summary="S alone; its class shares in every image approach those of other images' masks "
    "(Kervadec et al. 2019).",
    options=("masks_dir", "masks_split", "lambda_size", "size_loss", "compare"),
    needs_masks=True,
    boundaries=True,
    arms=("supervised",),
    check=_check,
)
