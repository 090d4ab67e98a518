"""Configuration of S's segmentation loss."""

from dataclasses import dataclass
from typing import Literal, get_args

from tfadvseg.config.checks import require, require_not_negative, require_positive

ClassWeighting = Literal["none", "one_minus_frequency", "median_frequency"]


@dataclass(frozen=True)
class LossConfig:
    """S's segmentation loss: cross-entropy + lambda_dice * Dice + lambda_focal * focal.

    Attributes:
        class_weights: of the cross-entropy: a rule, or one number a class.
        boundary_weight: w0 of U-Net's eq. 2, added to the class weights on background between
            objects; 0 adds nothing.
        boundary_sigma: its sigma, in pixels.
        lambda_dice, lambda_focal: weights of the two other terms; 0 leaves a term out.
        focal_gamma: of the focal term.
    """

    class_weights: ClassWeighting | tuple[float, ...] = "none"
    boundary_weight: float = 0.0
    boundary_sigma: float = 5.0
    lambda_dice: float = 0.0
    lambda_focal: float = 0.0
    focal_gamma: float = 2.0

    def __post_init__(self) -> None:
        if isinstance(self.class_weights, str):
            require(
                self.class_weights in get_args(ClassWeighting),
                f"--class_weights={self.class_weights}: unknown; choose one of "
                f"{', '.join(get_args(ClassWeighting))}, or give a number a class.",
            )
        require_not_negative(self, "boundary_weight", "lambda_dice", "lambda_focal", "focal_gamma")
        require_positive(self, "boundary_sigma")
        require(
            bool(self.lambda_focal) or self.focal_gamma == LossConfig.focal_gamma,
            f"--focal_gamma={self.focal_gamma}: is for --lambda_focal, which is 0.",
        )
        require(
            bool(self.boundary_weight) or self.boundary_sigma == LossConfig.boundary_sigma,
            f"--boundary_sigma={self.boundary_sigma}: is for --boundary_weight, which is 0.",
        )
