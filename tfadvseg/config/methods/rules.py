"""What a method asks of a configuration: the part of a method that needs no TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tfadvseg.config.discriminator import DiscriminatorName

if TYPE_CHECKING:
    from tfadvseg.config.whole import Config

TargetUse = Literal["refused", "measured", "optional", "required"]
Unlabelled = Literal["images", "target"]


def _no_check(config: "Config") -> None:
    del config


@dataclass(frozen=True)
class MethodRules:
    """The rules of one method.

    Attributes:
        summary: one sentence for the help of `--method`.
        options: fields of `MethodConfig` that the method listens to.
        d_options: fields of `DiscriminatorConfig` that it listens to beyond D's size and kind.
        discriminator: what `--discriminator=auto` stands for; None where no D is trained.
        lambda_adv: the default of `--lambda_adv`.
        balances: whether `--lambda_adv=ratio:...` is understood.
        needs_masks: whether masks of other images must be given.
        relativistic: whether `--gan=relativistic` is, whose losses compare both sides' logits.
        target: whether a target domain is refused, only measured on, trained on where there is one,
            or required to train.
        unlabelled: which images without labels are trained on: those of the labelled images' own
            domain, a target domain's, or, where both are named, the target's if there is one.
        levels: whether each level of S is trained with a loss of its own.
        boundaries: whether `--boundary_weight` reaches the loss.
        arms: methods that `--compare` may train beside this one, the first by default.
        check: refuses combinations of options; raises UserError.
    """

    summary: str
    options: tuple[str, ...] = ()
    d_options: tuple[str, ...] = ()
    discriminator: DiscriminatorName | None = None
    lambda_adv: float = 0.1
    balances: bool = False
    relativistic: bool = False
    needs_masks: bool = False
    target: TargetUse = "refused"
    unlabelled: tuple[Unlabelled, ...] = ()
    levels: bool = False
    boundaries: bool = False
    arms: tuple[str, ...] = ()
    check: Callable[["Config"], None] = _no_check
