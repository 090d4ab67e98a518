"""TFDS builder `gta5`."""

from dataclasses import dataclass
from typing import Any

import tensorflow_datasets as tfds

from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES
from tfadvseg_datasets.segmentation import features
from tfadvseg_datasets.street_builders import examples
from tfadvseg_datasets.street_files import Frame, Numbering

from .files import divide, find_frames


@dataclass(eq=False)
class Gta5Config(tfds.core.BuilderConfig):
    """The choice of frames, and how they are prepared.

    Attributes:
        name: made from the fields below.
        official_split: split into train, val and test by `split.mat`; otherwise all are `train`.
        skip_damaged: leave out frames whose label differs in size from the image.
        beam: prepare with Apache Beam; the examples are the same.
    """

    name: str = ""
    official_split: bool = False
    skip_damaged: bool = False
    beam: bool = False

    def __post_init__(self) -> None:
        parts = ["official_split" if self.official_split else "all"]
        parts += ["skip_damaged"] if self.skip_damaged else []
        self.name = "_".join([*parts, "beam"] if self.beam else parts)


class Builder(tfds.core.GeneratorBasedBuilder):
    """Street scenes from a computer game with the classes of Cityscapes."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    BUILDER_CONFIGS = [  # noqa: RUF012
        Gta5Config(
            official_split=split,
            skip_damaged=skip,
            beam=beam,
            description=("The official splits" if split else "All frames as train")
            + (", without damaged ones" if skip else "")
            + (", prepared with Apache Beam." if beam else "."),
        )
        for beam in (False, True)
        for split in (False, True)
        for skip in (False, True)
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Download images and labels (ten parts each) from
    https://download.visinf.tu-darmstadt.de/data/from_games/ and unpack all into one folder, so that
    it holds images/00001.png ... and labels/00001.png ...; give it as manual_dir. For the official
    splits also put split.mat from that page there.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(TRAIN_NAMES),
            supervised_keys=("image", "label"),
            homepage="https://download.visinf.tu-darmstadt.de/data/from_games/",
            # Frames in order, with and without Beam.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        config, folder = self.builder_config, dl_manager.manual_dir
        frames = find_frames(folder, config.skip_damaged)
        splits = divide(frames, folder) if config.official_split else {"train": frames}
        return {split: self._generate_examples(part) for split, part in splits.items()}

    def _generate_examples(self, frames: list[Frame]) -> Any:
        return examples(frames, Numbering.LABEL_IDS, self.builder_config.beam)
