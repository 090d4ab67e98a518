"""Configuration of how S is trained."""

from dataclasses import dataclass
from typing import Literal

from tfadvseg.config.checks import listed, require, require_not_negative, require_positive
from tfadvseg.config.data import DataConfig
from tfadvseg.config.discriminator import DiscriminatorConfig
from tfadvseg.config.few_labels import UNLABELLED_OPTIONS
from tfadvseg.config.methods import METHOD_RULES, MethodRules, method_help
from tfadvseg.config.methods.self_training import SelfTraining
from tfadvseg.config.optimizer import OptimizerConfig
from tfadvseg.config.options import check_options, names_in, option
from tfadvseg.config.weights import Weight, check_weight, is_ratio, pieces_of, weight_at

GanLoss = Literal["vanilla", "ls", "hinge", "relativistic"]
ScheduleName = Literal["joint", "alternating"]
SizeLoss = Literal["squared", "kl"]

STANDARD = "standard"
"""Name of the network that `--compare` without a value trains: the method's first arm."""


@dataclass(frozen=True)
class MethodConfig:
    """How S is trained."""

    method: str = option("adversarial", f"Training method. {method_help()}")
    schedule: ScheduleName = option(
        "joint",
        "Order of updates. joint: S and D in every step, from one forward pass of S. alternating: "
        "S and D in turn, one phase of every epoch each.",
    )
    lambda_adv: Weight = option(
        (),
        "Weight of S's adversarial loss: one number, or numbers by epoch, counted from 0, such as "
        "0:0.1,3:1.0. The prefix linear: interpolates between these epochs; gaussian:40:0.1 is "
        "DAN's ramp over 40 epochs. With the prefix ratio:, each number is a ratio of gradient "
        "norms at S's logits, adversarial to segmentation, and the weight is adjusted to keep it. "
        "Default: the method's.",
    )
    lambda_seg_aux: float = option(
        0.1,
        "Weight of the segmentation loss at the auxiliary classifier, for segmenters that have "
        "one (deeplab_v2).",
    )
    lambda_adv_aux: float = option(
        0.0002, "Weight of the adversarial loss at the auxiliary classifier; 0 builds no D for it."
    )
    gan: GanLoss = option(
        "vanilla",
        "Adversarial loss of S and D. vanilla: binary cross-entropy. ls: least squares. hinge: "
        "margins. relativistic: cross-entropy of each logit minus the other side's mean logit.",
    )
    lambda_semi_adv: float = option(
        0.001, "Weight of S's adversarial loss on images without labels."
    )
    lambda_semi: float = option(0.1, "Weight of the cross-entropy with pseudo-labels.")
    semi_threshold: float = option(
        0.2, "Least probability of a true map, by D, with which a pixel's pseudo-label counts."
    )
    semi_start: float | None = option(
        None,
        "Epochs, or a fraction, before pseudo-labels count. Default: a quarter of the run.",
    )
    iter_size: int = option(
        1,
        "Number of batches per update; their gradients are averaged.",
    )
    lambda_entropy: float = option(
        0.001, "Weight of the entropy of predictions on target images; the entropy is in [0, 1]."
    )
    lambda_entropy_aux: float = option(
        0.0002, "Weight of that entropy at the auxiliary classifier."
    )
    fda_beta: float = option(
        0.01,
        "Half the side of the square of low frequencies whose amplitudes come from the target, "
        "as a share of the image's shorter side.",
    )
    self_training: SelfTraining = option(
        "fixmatch",
        "Published setting of self-training. mean_teacher: the squared difference of probabilities "
        "under noise. fixmatch: confident pseudo-labels of strongly augmented images, mixed in "
        "boxes (CutMix). dacs: half of a labelled image's classes pasted onto an unlabelled one "
        "(ClassMix), weighted by the share of confident pixels.",
    )
    lambda_unlabelled: Weight = option(
        (),
        "Weight of the loss on unlabelled images, written like --lambda_adv. Default: the "
        "setting's own; for mean_teacher 0.1 after a Gaussian ramp over the run.",
    )
    confidence: float | None = option(
        None,
        "Probability of the teacher from which a pseudo-label is confident. Default: 0.95 for "
        "fixmatch, 0.968 for dacs.",
        only_for={"self_training": ("fixmatch", "dacs")},
    )
    teacher_decay: float = option(
        0.99, "Share of its old parameters that the teacher keeps in an update."
    )
    segan_loss: Literal["dice", "segmentation"] = option(
        "dice",
        "S's loss beside the critic's in SegAN: its Dice, as published, or the segmentation loss "
        "that other methods train S with.",
    )
    masks_dir: str | None = option(
        None,
        "Folder of masks without images, of the dataset's class ids: what D takes for true maps in "
        "place of the batch's labels, or what the size prior measures.",
    )
    masks_split: str | None = option(
        None,
        "Part of --dataset whose labels are such masks, such as train[10:20].",
    )
    lambda_size: float = option(1.0, "Weight of the size prior.")
    size_loss: SizeLoss = option(
        "squared",
        "Distance between S's class shares in an image and those of the masks: their squared "
        "difference, or the Kullback-Leibler divergence.",
    )
    compare: tuple[str, ...] = option(
        (),
        "Methods without D to train in the same run for comparison, on the same batches and from "
        "the same initial weights; without a value: the method's baseline, named standard.",
        form="method,method,...",
        bare=(STANDARD,),
    )

    def __post_init__(self) -> None:
        check_options(self)
        known = ", ".join(METHOD_RULES)
        require(
            self.method in METHOD_RULES,
            f"--method={self.method}: unknown; choose one of {known}.",
        )
        require_positive(self, "iter_size")
        require_not_negative(
            self,
            "lambda_seg_aux",
            "lambda_adv_aux",
            "lambda_entropy",
            "lambda_entropy_aux",
            "lambda_semi_adv",
            "lambda_semi",
        )
        require(
            0 <= self.semi_threshold <= 1,
            f"--semi_threshold={self.semi_threshold}: is a probability; take 0 to 1.",
        )
        require(
            self.semi_start is None or self.semi_start >= 0,
            f"--semi_start={self.semi_start}: must be at least 0.",
        )
        require_not_negative(self, "lambda_size")
        require(
            self.masks_dir is None or self.masks_split is None,
            f"--masks_dir={self.masks_dir} and --masks_split={self.masks_split}: give one of them.",
        )
        self._check_arms()
        check_weight("lambda_adv", self.lambda_adv)
        check_weight("lambda_unlabelled", self.lambda_unlabelled)
        require(
            self.confidence is None or 0 < self.confidence <= 1,
            f"--confidence={self.confidence}: must be greater than 0 and at most 1.",
        )
        require(
            0 <= self.teacher_decay < 1,
            f"--teacher_decay={self.teacher_decay}: must be at least 0 and less than 1.",
        )
        require(
            not is_ratio(self.lambda_unlabelled),
            f"--lambda_unlabelled={self.lambda_unlabelled}: ratio: is for adversarial losses; give "
            "a number.",
        )
        balancing = [n for n, rules in METHOD_RULES.items() if "lambda_adv" in rules.options]
        require(
            not self.balances or self.method in balancing,
            f"--lambda_adv={self.lambda_adv}: --method={self.method} trains no D whose gradient "
            f"could be weighed; leave it out, or choose one of {', '.join(balancing)}.",
        )

    def _check_arms(self) -> None:
        possible = (STANDARD, *self.rules.arms)
        for name in self.compare if self.rules.arms else ():
            require(
                name in possible,
                f"--compare={listed(self.compare)}: --method={self.method} can train "
                f"{' and '.join(self.rules.arms)} beside S; choose from these, or give --compare "
                "alone.",
            )
        require(
            len(set(self.compare)) == len(self.compare),
            f"--compare={listed(self.compare)}: names a method twice; name each once.",
        )

    @property
    def rules(self) -> MethodRules:
        """What the method requires of a run."""
        return METHOD_RULES[self.method]

    def arms(self) -> dict[str, str]:
        """The methods trained for comparison, by the names of their networks."""
        standard = dict(zip((STANDARD,), self.rules.arms, strict=False))
        return {name: standard.get(name, name) for name in self.compare}

    def methods_by_network(self) -> dict[str, str]:
        """The method that trains each segmenter, S first."""
        return {"segmenter": self.method, **self.arms()}

    @property
    def uses_masks(self) -> bool:
        """Whether masks of other images are given."""
        return self.masks_dir is not None or self.masks_split is not None

    @property
    def masks_flag(self) -> str:
        """The flag that gives them, as it is typed."""
        if self.masks_dir is not None:
            return f"--masks_dir={self.masks_dir}"
        return f"--masks_split={self.masks_split}"

    @property
    def weighs_adversarial(self) -> bool:
        """Whether S's last level has an adversarial loss in any epoch."""
        return any(value > 0 for _, value in pieces_of(self.lambda_adv))

    @property
    def balances(self) -> bool:
        """Whether `lambda_adv` is a ratio to the segmentation gradient's norm."""
        return is_ratio(self.lambda_adv)

    def adversarial_weight(self, progress: float) -> dict[str, float]:
        """`lambda_adv` after `progress` epochs; named `lambda_adv_ratio` if it is a ratio."""
        name = "lambda_adv_ratio" if self.balances else "lambda_adv"
        return {name: weight_at(self.lambda_adv, progress)}

    @property
    def uses_discriminator(self) -> bool:
        """Whether any update may depend on a D; otherwise none is built."""
        adversarial = self.weighs_adversarial or (self.rules.levels and self.lambda_adv_aux > 0)
        return self.rules.discriminator is not None and adversarial


_D = names_in(DiscriminatorConfig) | names_in(OptimizerConfig, "d_")
_D_OF_SOME = frozenset(name for rules in METHOD_RULES.values() for name in rules.d_options)
_TARGET = names_in(DataConfig, "target_")


def _options_of(rules: MethodRules) -> frozenset[str]:
    names = {*rules.options, *rules.d_options}
    names |= _D - _D_OF_SOME if rules.discriminator else set()
    names |= _TARGET if rules.target != "refused" else set()
    names |= UNLABELLED_OPTIONS if "images" in rules.unlabelled else set()
    return frozenset(names | ({"boundary_weight"} if rules.boundaries else set()))


METHOD_OPTIONS = {name: _options_of(rules) for name, rules in METHOD_RULES.items()}
"""The flags that each method takes, among those that not all methods take.

A flag listed here, or in `MethodConfig`, must keep its default with every method that does not take
it (`Config` refuses other values).
"""
