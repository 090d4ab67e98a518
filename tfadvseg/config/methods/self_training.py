"""Rules of self-training with a teacher, and its published settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tfadvseg.config.checks import listed, require
from tfadvseg.config.methods.rules import MethodRules

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config

SelfTraining = Literal["mean_teacher", "fixmatch", "dacs"]


@dataclass(frozen=True)
class Setting:
    """A published way to learn from a teacher's predictions.

    Attributes:
        mixing: what is mixed into S's view of an unlabelled image: nothing, a box of another
            unlabelled image, or half of the classes of a labelled one.
        lambda_seg: weight of the segmentation loss on labelled images.
        lambda_unlabelled: final weight of the loss on unlabelled images.
        ramps: whether that weight rises over the whole run, by exp(-5 (1 - t)^2).
        confidence: probability from which a pseudo-label is confident; 0 where S learns the
            teacher's probabilities instead.
        weighs_by_share: whether the weight of every pseudo-label is the share of confident ones;
            otherwise it is 1 for confident ones and 0 for others.
    """

    mixing: Literal["none", "cutmix", "classmix"]
    lambda_seg: float
    lambda_unlabelled: float
    ramps: bool = False
    confidence: float = 0.0
    weighs_by_share: bool = False


SETTINGS: dict[SelfTraining, Setting] = {
    "mean_teacher": Setting("none", 1.0, 0.1, ramps=True),
    "fixmatch": Setting("cutmix", 0.5, 0.5, confidence=0.95),
    "dacs": Setting("classmix", 1.0, 1.0, confidence=0.968, weighs_by_share=True),
}
"""As in SSL4MIS's `train_mean_teacher_2D.py`, UniMatch's `fixmatch.py` and the code of DACS."""


def _check(config: "Config") -> None:
    setting = SETTINGS[config.method.self_training]
    size, target = config.data.crop_size, config.target
    require(
        setting.mixing != "classmix" or not target.dataset or target.crop_size == size,
        f"--target_crop_size={listed(target.crop_size)}: ClassMix pastes source pixels onto target "
        f"windows, which must be of one size; give --target_crop_size={listed(size)}.",
    )
    count = config.unlabelled_per_update
    flag = "unlabelled" if config.few_labels.unlabelled_batch_size else "global"
    require(
        setting.mixing != "cutmix" or count % 2 == 0,
        f"--{flag}_batch_size={count}: CutMix mixes unlabelled windows in pairs; give an even "
        "number.",
    )


RULES = MethodRules(
    summary="S on labelled images and on a teacher's pseudo-labels of unlabelled ones, of the same "
    "domain or a target; the teacher is an average of S, and there is no D (mean teacher, FixMatch "
    "with CutMix, DACS).",
    options=("self_training", "lambda_unlabelled", "confidence", "teacher_decay", "compare"),
    target="optional",
    unlabelled=("images", "target"),
    arms=("supervised", "source_only", "adabn"),
    check=_check,
)
