"""What a method requires of the configuration: its TensorFlow-free half."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
        options: fields of `MethodConfig` that the method takes.
        d_options: fields of `DiscriminatorConfig` that it takes in addition to D's size and kind.
        discriminator: value that `--discriminator=auto` stands for; None if no D is trained.
        lambda_adv: default of `--lambda_adv`.
        without: reasons why the method does not take an option that others with a D take, by
            option, for the error message.
        needs_masks: whether masks of other images are required.
        target: whether a target domain is refused, used for validation only, trained on if there is
            one, or required.
        unlabelled: source of the images without labels that are trained on: the labelled images'
            own domain, the target domain, or, if both are named, the target if there is one.
        levels: whether each level of S has its own loss.
        restyles: whether the pipeline changes the labelled images to look like others.
        boundaries: whether the loss uses `--boundary_weight`.
        arms: methods that `--compare` may train in the same run; the first is the default.
        check: refuses invalid combinations of options by raising UserError.
    """

    summary: str
    options: tuple[str, ...] = ()
    d_options: tuple[str, ...] = ()
    discriminator: DiscriminatorName | None = None
    lambda_adv: float = 0.1
    without: Mapping[str, str] = field(default_factory=dict)
    needs_masks: bool = False
    target: TargetUse = "refused"
    unlabelled: tuple[Unlabelled, ...] = ()
    levels: bool = False
    restyles: bool = False
    boundaries: bool = False
    arms: tuple[str, ...] = ()
    check: Callable[["Config"], None] = _no_check
