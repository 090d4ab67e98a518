"""The interface of a dataset. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfadvseg.config import DataConfig
from tfadvseg.errors import UserError

if TYPE_CHECKING:
    from tfadvseg.data.descriptors import DatasetDescriptor
    from tfadvseg.data.examples import Examples
    from tfadvseg.data.readers import Reader

FILES = ("data_dir",)
"""The flag of every dataset that reads files."""

SPLITS = ("train_split", "val_split")
"""The flags of every dataset whose parts are TFDS slices."""


@dataclass(frozen=True)
class Dataset:
    """A value of `--dataset`. Its functions import what they need when they are called.

    Attributes:
        name: the value of `--dataset`.
        flags: names of the data flags that it takes, among those that not every dataset takes.
        open: finds its files and prepares them where needed. Takes the flags and the seed that
            draws the division of a dataset without splits; raises UserError for raw files that are
            missing or unfit.
        describe: function of the flags to its classes, colours and channels; None if these are
            known only from its files.
        val_fraction, test_fraction: default shares of the images for validation and for testing;
            None draws no share.
        check: function that raises UserError for flags that exclude each other.
        lacks_labels: whether its files are images without labels, which serve only for adaptation.
        read_unlabelled: function that reads such images.
        takes_name: whether the value of `--dataset` goes on behind a colon, with a name that says
            which dataset of this kind.
        users_own: whether any folder can be this dataset, so that two are different images.
    """

    name: str
    flags: tuple[str, ...]
    open: Callable[[DataConfig, int], Reader]
    describe: Callable[[DataConfig], DatasetDescriptor] | None
    val_fraction: float | None = None
    test_fraction: float | None = None
    check: Callable[[DataConfig], None] | None = None
    lacks_labels: Callable[[DataConfig], bool] = lambda config: False
    read_unlabelled: Callable[[DataConfig], Examples] | None = None
    takes_name: bool = False
    users_own: bool = False

    def shares(self, config: DataConfig) -> tuple[float | None, float | None]:
        """Shares for validation and for testing: those of the flags, or the dataset's own.

        None if it takes no such share, or has a split instead.
        """
        val = self.val_fraction if config.val_fraction is None else config.val_fraction
        test = self.test_fraction if config.test_fraction is None else config.test_fraction
        return (
            val if "val_fraction" in self.flags else None,
            test if "test_fraction" in self.flags else None,
        )


def require_data_dir(config: DataConfig) -> str:
    """The folder of a dataset's raw files.

    Raises:
        UserError: none is given.
    """
    if config.data_dir is None:
        raise UserError(
            f"--data_dir is required with --dataset={config.dataset}: give the folder of its raw "
            "files."
        )
    return config.data_dir
