"""Configuration of the discriminator D."""

from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import require, require_choice, require_not_negative, require_positive

DiscriminatorName = Literal["auto", "encoder", "patch", "fc"]
ImageInput = Literal["none", "product", "concat"]
TruthForm = Literal["one_hot", "scaling"]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Which discriminator D, its size, and what it is shown.

    Attributes:
        discriminator: the network's name; `auto` is `fc` for domain adaptation, else `patch`.
        d_width: filters of the first level; 0 takes the network's own.
        d_depth: number of halvings of the resolution.
        d_spectral_norm: divide each kernel by its largest singular value (Miyato et al. 2018).
            Of the patch D; the encoder D has batch norm instead.
        d_image: how the image goes beside the map (`losses.discriminator_input`).
        d_truth: how labels become maps (`losses.discriminator_input`).
        d_truth_tau: the least probability of the true class under `scaling`.
        d_label_smoothing: D's target for real maps is 1 minus this (one-sided smoothing).
    """

    discriminator: DiscriminatorName = "auto"
    d_width: int = 0
    d_depth: int = 3
    d_spectral_norm: bool = True
    d_image: ImageInput = "concat"
    d_truth: TruthForm = "scaling"
    d_truth_tau: float = 0.9
    d_label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require_choice("discriminator", self.discriminator, DiscriminatorName)
        require_choice("d_image", self.d_image, ImageInput)
        require_choice("d_truth", self.d_truth, TruthForm)
        require_not_negative(self, "d_width")
        require_positive(self, "d_depth")
        require(0.5 <= self.d_truth_tau <= 1, f"--d_truth_tau={self.d_truth_tau}: take 0.5 to 1.")
        require(
            0 <= self.d_label_smoothing < 0.5,
            f"--d_label_smoothing={self.d_label_smoothing}: take 0 to below 0.5.",
        )
