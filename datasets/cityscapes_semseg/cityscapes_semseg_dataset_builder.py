"""TFDS builder `cityscapes_semseg` (the TFDS catalogue already has a `cityscapes`)."""

from dataclasses import dataclass
from typing import Any

import tensorflow_datasets as tfds

from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES
from tfadvseg_datasets.segmentation import features
from tfadvseg_datasets.street_builders import examples
from tfadvseg_datasets.street_files import Frame, Numbering

from .files import find_splits


@dataclass(eq=False)
class CityscapesSemsegConfig(tfds.core.BuilderConfig):
    """The choice of label files, and how the set is prepared.

    Attributes:
        name: made from the fields below.
        train_ids: read `*_labelTrainIds.png` instead of `*_labelIds.png`.
        beam: prepare with Apache Beam; the examples are the same.
    """

    name: str = ""
    train_ids: bool = False
    beam: bool = False

    def __post_init__(self) -> None:
        self.name = ("train_ids" if self.train_ids else "label_ids") + ("_beam" * self.beam)

    @property
    def numbering(self) -> Numbering:
        return Numbering.TRAIN_IDS if self.train_ids else Numbering.LABEL_IDS


class Builder(tfds.core.GeneratorBasedBuilder):
    """Street scenes of 50 cities with the 19 training classes."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    BUILDER_CONFIGS = [  # noqa: RUF012
        CityscapesSemsegConfig(
            train_ids=train_ids,
            beam=beam,
            description=f"Labels from {'*_labelTrainIds.png' if train_ids else '*_labelIds.png'}"
            + (", prepared with Apache Beam." if beam else "."),
        )
        for beam in (False, True)
        for train_ids in (False, True)
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip from
    https://www.cityscapes-dataset.com/ (after registration) and unpack both into one folder, so
    that it holds leftImg8bit/ and gtFine/; give it as manual_dir. A split whose folder is absent is
    left out.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(TRAIN_NAMES),
            supervised_keys=("image", "label"),
            homepage="https://www.cityscapes-dataset.com/",
            # Frames in order, with and without Beam.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        splits = find_splits(dl_manager.manual_dir, self.builder_config.numbering)
        return {split: self._generate_examples(frames) for split, frames in splits.items()}

    def _generate_examples(self, frames: list[Frame]) -> Any:
        config = self.builder_config
        return examples(frames, config.numbering, config.beam)
