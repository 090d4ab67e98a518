"""Parts of a run that a user may supply from Python: networks, a method, examples."""

from collections.abc import Callable
from dataclasses import dataclass

from tfadvseg.data.sources import Splits
from tfadvseg.methods.method import Method
from tfadvseg.models.own import name_of
from tfadvseg.training.state import DiscriminatorBuilder, SegmenterBuilder


@dataclass(frozen=True)
class Parts:
    """The user's own parts of a run; None takes the one that the configuration names.

    Attributes:
        segmenter: a function of (channels of an image, logits per pixel) to a Keras model of
            normalised images [B,H,W,C] float32 to logits [B,H,W,K] float32. It is called once per
            copy of S, in the run's precision and strategy.
        discriminator: a function of ((height, width) of a window, channels of a map) to a Keras
            model of maps [B,H,W,C] float32 to logits [B,h,w,1] float32.
        method: the training method.
        examples: examples to train and validate on.
    """

    segmenter: SegmenterBuilder | None = None
    discriminator: DiscriminatorBuilder | None = None
    method: Method | None = None
    examples: Splits | None = None

    def names(self) -> dict[str, str]:
        """Origin of each of the user's own parts: `module.name` of its function, by part."""
        own: dict[str, Callable | None] = {
            "segmenter": self.segmenter,
            "discriminator": self.discriminator,
            "method": None if self.method is None else self.method.phases,
        }
        names = {part: name_of(function) for part, function in own.items() if function is not None}
        return names | ({} if self.examples is None else {"examples": "given from Python"})
