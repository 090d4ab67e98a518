"""TFDS builder `isbi2012`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfadvseg_datasets.segmentation import IGNORE_LABEL, features, numbered_examples

from . import stacks
from .classes import CLASS_NAMES


class Builder(tfds.core.GeneratorBasedBuilder):
    """ISBI 2012 challenge: segmentation of neuronal structures in EM stacks."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (TFDS reads it from the class)
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put train-volume.tif, train-labels.tif and, for the split `test`, test-volume.tif into
    manual_dir. They are the files of the ISBI 2012 challenge "Segmentation of neuronal structures
    in EM stacks": 8-bit multi-page TIFFs, labels 0 (membrane) and 255 (cell).
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(CLASS_NAMES, channels=1),
            supervised_keys=("image", "label"),
            homepage="https://imagej.net/events/isbi-2012-segmentation-challenge",
            # `train[:20]` must mean the first twenty sections.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        volumes = stacks.read_stacks(dl_manager.manual_dir)
        splits = {
            "train": self._generate_examples("train", volumes.train_images, volumes.train_labels)
        }
        if volumes.test_images:
            # The ground truth of `test` was never published.
            unknown = [np.full(i.shape[:2], IGNORE_LABEL, np.uint8) for i in volumes.test_images]
            splits["test"] = self._generate_examples("test", volumes.test_images, tuple(unknown))
        return splits

    def _generate_examples(
        self, split: str, images: tuple[np.ndarray, ...], labels: tuple[np.ndarray, ...]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        return numbered_examples(split, zip(images, labels, strict=True))
