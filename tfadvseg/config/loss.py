"""Configuration of S's segmentation loss."""

from dataclasses import dataclass
from typing import Literal, get_args

from tfadvseg.config.checks import require, require_not_negative, require_positive
from tfadvseg.config.options import check_options, option

ClassWeighting = Literal["none", "one_minus_frequency", "median_frequency"]


@dataclass(frozen=True)
class LossConfig:
    """S's segmentation loss: cross-entropy + lambda_dice * Dice + lambda_focal * focal."""

    class_weights: ClassWeighting | tuple[float, ...] = option(
        "none", "Class weights in the cross-entropy: a rule, or one number per class."
    )
    boundary_weight: float = option(
        0.0,
        "Extra weight of background pixels (class 0) between two objects: w0 of U-Net's eq. 2, "
        "10 in the paper; 0 disables it.",
    )
    boundary_sigma: float = option(
        5.0,
        "Reach of --boundary_weight in pixels: sigma of U-Net's eq. 2.",
        needs="boundary_weight",
    )
    lambda_dice: float = option(0.0, "Weight of the soft Dice term; 0 disables it.")
    lambda_focal: float = option(0.0, "Weight of the focal term; 0 disables it.")
    focal_gamma: float = option(2.0, "Exponent of the focal term.", needs="lambda_focal")

    def __post_init__(self) -> None:
        check_options(self)
        if isinstance(self.class_weights, str):
            require(
                self.class_weights in get_args(ClassWeighting),
                f"--class_weights={self.class_weights}: unknown; choose one of "
                f"{', '.join(get_args(ClassWeighting))}, or give one number per class.",
            )
        require_not_negative(self, "boundary_weight", "lambda_dice", "lambda_focal", "focal_gamma")
        require_positive(self, "boundary_sigma")
