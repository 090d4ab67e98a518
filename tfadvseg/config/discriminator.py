"""Configuration of the discriminator D."""

from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import (
    require,
    require_halvings,
    require_not_negative,
    require_positive,
)
from tfadvseg.config.options import check_options, option

DiscriminatorName = Literal["auto", "encoder", "patch", "fc", "pooled", "critic"]
ImageInput = Literal["none", "product", "concat"]
TruthForm = Literal["one_hot", "scaling"]
IgnoredPixels = Literal["hidden", "shown"]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The discriminator D: its kind, size and input."""

    discriminator: DiscriminatorName = option(
        "auto",
        "Discriminator D: one logit per window (encoder, pooled), a map of logits (patch, fc), or "
        "features of several scales (SegAN's critic); auto takes the method's default.",
    )
    d_width: int = option(
        0, "Filters of D's first level, doubled at each halving; 0 takes the network's default."
    )
    d_depth: int = option(3, "Number of times D halves the resolution.")
    d_spectral_norm: bool = option(
        True,
        "Spectral normalisation of the patch D (Miyato et al. 2018): each kernel is divided by its "
        "largest singular value.",
    )
    d_dropout: float = option(
        0.5, "Dropout rate of channels in the pooled D during training; 0 disables dropout."
    )
    d_image: ImageInput = option(
        "concat",
        "How the image enters D's input. none: not at all. product: multiplied with the map. "
        "concat: concatenated to it.",
    )
    d_truth: TruthForm = option(
        "scaling",
        "Form of the true maps in D's input. one_hot: labels as 0 and 1. scaling: probabilities "
        "that resemble S's.",
    )
    d_truth_tau: float = option(0.9, "Lowest probability of the true class with --d_truth=scaling.")
    d_label_smoothing: float = option(
        0.0, "One-sided label smoothing: D's target for real maps is 1 minus this."
    )
    d_ignored: IgnoredPixels = option(
        "hidden",
        "What D sees where labels are ignored: 0 in both maps (hidden), or S's prediction (shown), "
        "which stands in the true map as well, unless true maps come from other images "
        "(--masks_dir, --masks_split). advsemiseg shows D the prediction anyway; there this says "
        "whether D's answers on such pixels count.",
    )
    d_noise: float = option(
        0.0, "Standard deviation of Gaussian noise on D's input in training; 0 adds none."
    )
    d_r1: float = option(
        0.0,
        "Weight gamma of the R1 penalty, gamma / 2 times the squared norm of D's gradient at real "
        "maps (Mescheder et al. 2018); 0 disables it.",
    )
    d_r1_every: int = option(
        16,
        "Number of D's updates per R1 penalty; the penalty is multiplied by it to compensate.",
        needs="d_r1",
    )
    d_clip: float = option(
        0.05,
        "Largest absolute value of the critic's weights after each update; 0 does not clip.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        require_not_negative(self, "d_width", "d_r1", "d_clip", "d_noise")
        require_positive(self, "d_depth", "d_r1_every")
        require_halvings("d_depth", self.d_depth)
        require(0 <= self.d_dropout < 1, f"--d_dropout={self.d_dropout}: take 0 to below 1.")
        require(0.5 <= self.d_truth_tau <= 1, f"--d_truth_tau={self.d_truth_tau}: take 0.5 to 1.")
        require(
            0 <= self.d_label_smoothing < 0.5,
            f"--d_label_smoothing={self.d_label_smoothing}: take 0 to below 0.5.",
        )


@dataclass(frozen=True)
class DiscriminatorRules:
    """What a discriminator requires of the configuration.

    Attributes:
        width: default of `--d_width`.
        halves: whether it halves windows `--d_depth` times without remainder.
        any_size: whether one D takes maps of every size.
        least: smallest side of a window in pixels; 0 if there is no minimum.
        features: whether it returns features instead of logits.
    """

    width: int = 32
    halves: bool = False
    any_size: bool = True
    least: int = 0
    features: bool = False


DISCRIMINATOR_RULES = {
    "encoder": DiscriminatorRules(halves=True, any_size=False),
    "patch": DiscriminatorRules(),
    "fc": DiscriminatorRules(width=64, least=32),
    "pooled": DiscriminatorRules(width=64, any_size=False, least=32),
    "critic": DiscriminatorRules(width=64, least=32, features=True),
}
"""Rules by the value of `--discriminator`."""
