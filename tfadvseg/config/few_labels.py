"""Configuration of which training images have labels, and of images without any."""

import dataclasses
from dataclasses import dataclass

from tfadvseg.config.checks import require_not_negative
from tfadvseg.config.data import DataConfig
from tfadvseg.config.options import check_options, names_in, option


@dataclass(frozen=True)
class FewLabelsConfig:
    """Which training images have labels, and where images without labels come from."""

    labelled_images: int = option(
        0,
        "Number of training images whose labels are used, drawn with --seed so that each class is "
        "in one of them where possible; 0 uses all. Methods that learn from images without labels "
        "take the others as such. An epoch has as many updates as with all labels.",
    )
    unlabelled_dataset: str = option(
        "",
        "Dataset of further training images without labels; labels that it has are not used. "
        "Default: that of --dataset, where another --unlabelled_ flag is given.",
    )
    unlabelled_data_dir: str | None = option(
        None, "Folder of that dataset's raw files; of --unlabelled_dataset=folder, images/ alone."
    )
    unlabelled_split: str | None = option(
        None,
        "Part of that dataset: train, validation or a TFDS slice such as test. Default: train; of "
        "a folder, all its images.",
    )
    unlabelled_batch_size: int = option(
        0,
        "Number of windows without labels in a batch, over all replicas; 0 takes as many as with "
        "labels.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        require_not_negative(self, "labelled_images", "unlabelled_batch_size")

    @property
    def names_further_images(self) -> bool:
        """Whether images are asked for beside those of the training data."""
        return bool(self.unlabelled_dataset or self.unlabelled_data_dir or self.unlabelled_split)

    def further_data(self, data: DataConfig) -> DataConfig:
        """Where further images come from, their size and windows made as `data` says.

        Args:
            data: of the training images.
        """
        own = data
        if self.unlabelled_dataset not in ("", data.dataset):
            own = DataConfig(
                dataset=self.unlabelled_dataset,
                resize=data.resize,
                prepare=data.prepare,
                prepared_dir=data.prepared_dir,
            )
        return dataclasses.replace(own, data_dir=self.unlabelled_data_dir or own.data_dir)


UNLABELLED_OPTIONS = names_in(FewLabelsConfig) - {"labelled_images"}
"""Options of methods that learn from images without labels."""
