"""TFDS preparations keyed by a fingerprint of the raw files, so that none is ever served stale.

TFDS by itself reuses an old preparation whatever `manual_dir` says. Here a preparation lives in a
folder of its own, `<prepared_dir>/tfadvseg/<dataset>-<fingerprint>`, which appears only when it is
complete.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from tfadvseg import atomic
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.data.slices import resolve_slice
from tfadvseg.errors import UserError
from tfadvseg_datasets.isbi2012 import isbi2012_dataset_builder, stacks

FINGERPRINT_LENGTH = 12


@dataclass(frozen=True)
class _Source:
    """How a dataset comes into being.

    Attributes:
        builder: the TFDS builder.
        raw_files: lists the files of a folder that it reads, or raises FileNotFoundError.
    """

    builder: type[tfds.core.GeneratorBasedBuilder]
    raw_files: Callable[[Path], Sequence[os.PathLike]]


_SOURCES = {"isbi2012": _Source(isbi2012_dataset_builder.Builder, stacks.raw_files)}


def load_prepared(
    name: str, split: str, data_dir: str | Path, prepared_dir: str | Path | None = None
) -> Examples:
    """Examples of a TFDS dataset made from raw files, prepared first if need be.

    Args:
        name: of the dataset.
        split: a TFDS slice.
        data_dir: where the raw files are.
        prepared_dir: where preparations are kept; None takes TFDS's own default.

    Returns:
        The examples in the dataset's order; without labels if every one is all `IGNORE_LABEL`.

    Raises:
        UserError: raw files are missing or unfit, the split does not exist or is empty, or
            `prepared_dir` cannot be written to.
    """
    builder = prepare(name, data_dir, prepared_dir)
    resolve_slice(split, example_counts(builder), "split")
    return read_split(builder, split)


def prepare(
    name: str, data_dir: str | Path, prepared_dir: str | Path | None = None
) -> tfds.core.DatasetBuilder:
    """The builder of a dataset whose preparation is complete and matches the raw files.

    Args, Raises:
        As `load_prepared`.
    """
    source = _SOURCES[name]
    folder = Path(data_dir).expanduser()
    try:
        files = [Path(file) for file in source.raw_files(folder)]
        fingerprint = _fingerprint(str(source.builder.VERSION), files)
    except OSError as error:
        raise UserError(f"--data_dir: {_reason(error)}") from None
    root = Path(prepared_dir or tfds.core.constants.get_default_data_dir()).expanduser()
    home = root / "tfadvseg" / f"{name}-{fingerprint}"
    if not home.exists():
        logging.info("Preparing %s from %s in %s.", name, folder, home)
        try:
            _make(source.builder, folder, home)
        except FileExistsError:
            pass  # another process has made the same one meanwhile
        except ValueError as error:
            raise UserError(" ".join(str(error).split())) from None
        except OSError as error:
            raise UserError(
                f"--prepared_dir={root}: cannot keep the prepared copy there ({_reason(error)}); "
                "give another folder."
            ) from None
    with _quiet():
        builder = source.builder(data_dir=home)
    if not builder.is_prepared():
        raise _damaged(home, "incomplete")
    return builder


def example_counts(builder: tfds.core.DatasetBuilder) -> dict[str, int]:
    """Examples in each split of a prepared dataset."""
    return {name: info.num_examples for name, info in builder.info.splits.items()}


def read_split(builder: tfds.core.DatasetBuilder, split: str) -> Examples:
    """Decodes a part of a prepared dataset.

    Args:
        builder: its builder; features `id`, `image` [H,W,C] and `label` [H,W,1].
        split: a TFDS slice that exists.

    Returns:
        As `load_prepared`.

    Raises:
        UserError: the preparation is damaged.
    """
    keys, images, labels = [], [], []
    try:
        with _quiet():
            # One shard after another, or the order would not be the builder's.
            config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
            for example in builder.as_dataset(split=split, read_config=config).as_numpy_iterator():
                keys.append(example["id"].decode())
                images.append(example["image"])
                labels.append(np.squeeze(example["label"], axis=-1))
    except (OSError, tf.errors.OpError) as error:
        raise _damaged(builder.data_path, type(error).__name__) from None
    labelled = any(np.any(label != IGNORE_LABEL) for label in labels)
    return Examples(tuple(keys), tuple(images), tuple(labels) if labelled else None)


def _fingerprint(version: str, files: list[Path]) -> str:
    """Changes with the builder's version and with any file's name, size or content."""
    digest = hashlib.blake2b(version.encode())
    for file in sorted(files, key=lambda path: path.name):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "blake2b").digest()
        digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode() + content)
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def _make(builder: type[tfds.core.DatasetBuilder], data_dir: Path, home: Path) -> None:
    """Prepares into `home`, which appears when complete; leaves nothing if that fails."""
    absent = [folder for folder in home.parents if not folder.exists()]
    config = tfds.download.DownloadConfig(
        manual_dir=data_dir, compute_stats=tfds.download.ComputeStatsMode.SKIP
    )
    try:
        with atomic.new_folder(home) as unfinished, _quiet():
            builder(data_dir=unfinished).download_and_prepare(download_config=config)
    except BaseException:
        for folder in absent:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """TFDS announces each of its steps on standard output, in the log and with progress bars."""
    tfds.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(min(verbosity, logging.WARNING))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)


def _damaged(folder: os.PathLike, detail: str) -> UserError:
    return UserError(
        f"{folder}: damaged prepared copy ({detail}); delete that folder and run again."
    )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
