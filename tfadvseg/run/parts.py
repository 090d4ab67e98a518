"""What a run from Python may bring in place of ours: networks, a method, examples."""

from collections.abc import Callable
from dataclasses import dataclass

from tfadvseg.data.sources import Splits
from tfadvseg.methods.method import Method
from tfadvseg.models.own import name_of
from tfadvseg.training.state import DiscriminatorBuilder, SegmenterBuilder


@dataclass(frozen=True)
class Parts:
    """Parts of a run that are the user's own; None takes ours, as the configuration says.

    Attributes:
        segmenter: from (channels of an image, logits per pixel) to a Keras model of normalised
            images [B,H,W,C] float32 to logits [B,H,W,K] float32. It is called once for each copy of
            S, in the run's precision and strategy.
        discriminator: from (height and width of a window, channels of a map) to a Keras model of
            maps [B,H,W,C] to logits [B,h,w,1] float32.
        method: trains them.
        examples: to train and to validate on.
    """

    segmenter: SegmenterBuilder | None = None
    discriminator: DiscriminatorBuilder | None = None
    method: Method | None = None
    examples: Splits | None = None

    def names(self) -> dict[str, str]:
        """Where each part of the user's own comes from: `module.name` of functions, by part."""
        own: dict[str, Callable | None] = {
            "segmenter": self.segmenter,
            "discriminator": self.discriminator,
            "method": None if self.method is None else self.method.phases,
        }
        names = {part: name_of(function) for part, function in own.items() if function is not None}
        return names | ({} if self.examples is None else {"examples": "given from Python"})
