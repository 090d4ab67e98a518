"""TFDS builder `streets`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow_datasets as tfds

from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES
from tfadvseg_datasets.segmentation import features, numbered_examples

from .generate import DEFAULT_COUNTS, DEFAULT_SIZE, Domain, generate_split


@dataclass(eq=False)
class StreetsConfig(tfds.core.BuilderConfig):
    """The choice of scenes to generate.

    Attributes:
        name: derived from the fields below, so that each configuration has a folder of its own; the
            default set of a domain is named after the domain.
        domain: `game` or `camera`.
        seed: of the whole set.
        height, width: of a scene, in pixels.
        train, validation, test: scenes in each split.
    """

    name: str = ""
    domain: Domain = "game"
    seed: int = 0
    height: int = DEFAULT_SIZE[0]
    width: int = DEFAULT_SIZE[1]
    train: int = DEFAULT_COUNTS["train"]
    validation: int = DEFAULT_COUNTS["validation"]
    test: int = DEFAULT_COUNTS["test"]

    def __post_init__(self) -> None:
        counts = {"train": self.train, "validation": self.validation, "test": self.test}
        self.name = self.domain
        if (self.height, self.width, self.seed, counts) != (*DEFAULT_SIZE, 0, DEFAULT_COUNTS):
            parts = "_".join(f"{split}{count}" for split, count in counts.items())
            self.name += f"_{self.height}x{self.width}_{parts}_seed{self.seed}"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Synthetic street scenes in two domains with the classes of Cityscapes; needs no files."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    BUILDER_CONFIGS = [  # noqa: RUF012
        StreetsConfig(domain="game", description="Flat, saturated and clean: the source."),
        StreetsConfig(domain="camera", description="Textured, lit and noisy: the target."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(TRAIN_NAMES),
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
        return numbered_examples(
            split, generate_split(config.seed, split, range(count), size, config.domain), digits=4
        )
