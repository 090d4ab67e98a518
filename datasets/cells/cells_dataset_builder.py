"""TFDS builder `cells`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow_datasets as tfds

from tfadvseg_datasets.darkfield.classes import CLASS_NAMES
from tfadvseg_datasets.segmentation import features, numbered_examples

from .generate import DEFAULT_COUNTS, DEFAULT_SIZE, generate_split


@dataclass(eq=False)
class CellsConfig(tfds.core.BuilderConfig):
    """The choice of images to generate.

    Attributes:
        name: derived from the fields below, so that each configuration has a folder of its own.
        seed: of the whole set.
        height, width: of an image, in pixels.
        train, validation, test: images in each split.
    """

    name: str = ""
    seed: int = 0
    height: int = DEFAULT_SIZE[0]
    width: int = DEFAULT_SIZE[1]
    train: int = DEFAULT_COUNTS["train"]
    validation: int = DEFAULT_COUNTS["validation"]
    test: int = DEFAULT_COUNTS["test"]

    def __post_init__(self) -> None:
        self.name = (
            f"{self.height}x{self.width}_train{self.train}_validation{self.validation}"
            f"_test{self.test}_seed{self.seed}"
        )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Synthetic darkfield images with labels of cells and spirochaetes; needs no files."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    BUILDER_CONFIGS = [CellsConfig(description="The default set.")]  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(CLASS_NAMES),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # nothing to fetch
        config = self.builder_config
        counts = {"train": config.train, "validation": config.validation, "test": config.test}
        return {
            split: self._generate_examples(split, count) for split, count in counts.items() if count
        }

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        config = self.builder_config
        size = (config.height, config.width)
        return numbered_examples(split, generate_split(config.seed, split, range(count), size))
