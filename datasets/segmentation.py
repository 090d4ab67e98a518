"""Code shared by all builders: the features of an example, and numbered generated examples."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

IGNORE_LABEL = 255
"""The class id of pixels that no loss and no metric counts."""


def features(class_names: Sequence[str], channels: int = 3) -> tfds.features.FeaturesDict:
    """The features of an example: its name, the image, and class ids.

    Args:
        class_names: by class id.
        channels: of the image: 1 (grey) or 3 (RGB).
    """
    return tfds.features.FeaturesDict(
        {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=(None, None, channels), encoding_format="png"),
            "label": tfds.features.LabeledImage(
                labels=[*class_names], shape=(None, None, 1), encoding_format="png"
            ),
        }
    )


def numbered_examples(
    split: str, images: Iterable[tuple[np.ndarray, np.ndarray]], digits: int = 2
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Examples named by their split and number.

    Args:
        split: name of the split.
        images: uint8 [h, w] or [h, w, channels], each with its label, uint8 [h, w].
        digits: minimum number of digits in a name.
    """
    for number, (image, label) in enumerate(images):
        # TFDS keeps the order of examples only for integer keys.
        yield (
            number,
            {
                "id": f"{split}-{number:0{digits}d}",
                "image": image if image.ndim == 3 else image[:, :, None],
                "label": label[:, :, None],
            },
        )
