"""TFDS builder `darkfield`."""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from tfadvseg_datasets.pairs import Pair, read_pair, stored_image
from tfadvseg_datasets.segmentation import features

from .classes import CLASS_NAMES
from .files import find_pairs


class Builder(tfds.core.GeneratorBasedBuilder):
    """Blood with spirochaetes under a darkfield microscope."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put the folders images/ and masks/ of the Kaggle set "Bacteria detection with darkfield
    microscopy" (longnguyen2306/bacteria-detection-with-darkfield-microscopy) into manual_dir. Each
    image NNN.png has a mask NNN.png: 0 (background), 1 (red blood cell), 2 (spirochaete), in one
    channel or in three equal ones. The folder of masks may also be called flattened_masks.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(CLASS_NAMES),
            supervised_keys=("image", "label"),
            homepage="https://www.kaggle.com/datasets/longnguyen2306/bacteria-detection-with-darkfield-microscopy",
            # Examples are sorted by name, which the split by seed relies on.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(find_pairs(dl_manager.manual_dir))}

    def _generate_examples(self, pairs: list[Pair]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, pair in enumerate(pairs):
            image, label = read_pair(pair, CLASS_NAMES)
            # TFDS keeps the order of examples only for integer keys.
            yield (
                number,
                {
                    "id": pair.name,
                    "image": stored_image(pair, image),
                    "label": label[:, :, None],
                },
            )
