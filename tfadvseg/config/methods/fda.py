"""Rules of Fourier domain adaptation."""

from typing import TYPE_CHECKING

from tfadvseg.config.checks import require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config


def _check(config: "Config") -> None:
    beta = config.method.fda_beta
    require(0 <= beta <= 0.5, f"--fda_beta={beta}: give a share of the side from 0 to 0.5.")


RULES = MethodRules(
    summary="S on source images with the target's low-frequency amplitudes; target images update "
    "batch norm's statistics; no D (FDA).",
    options=("fda_beta", "lambda_seg_aux", "iter_size", "compare"),
    target="required",
    unlabelled=("target",),
    restyles=True,
    levels=True,
    arms=("source_only", "adabn"),
    check=_check,
)
