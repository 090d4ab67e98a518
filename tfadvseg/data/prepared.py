"""TFDS preparations keyed by a fingerprint of the raw files, so that none is ever stale.

TFDS by itself reuses an old preparation whatever `manual_dir` is. Here each preparation has its own
folder, `<prepared_dir>/tfadvseg/<dataset>-<fingerprint>`, which appears only when it is complete.
"""

import contextlib
import hashlib
import io
import logging as standard_logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError

from tfadvseg.data.examples import Example
from tfadvseg.data.parallelism import fixed_parallelism
from tfadvseg.errors import UserError
from tfadvseg.files import atomic

FINGERPRINT_LENGTH = 12

_UNREADABLE = (ValueError, ParseError, DecodeError)


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").digest()


@dataclass(frozen=True)
class Source:
    """How a dataset is prepared.

    Attributes:
        builder: the TFDS builder.
        raw_files: lists the files that the builder reads from a folder, or raises
            FileNotFoundError or ValueError.
        fingerprint: of one file; changes with its content.
        file_format: of the prepared copy; None means TFDS's default.
    """

    builder: type[tfds.core.GeneratorBasedBuilder]
    raw_files: Callable[[Path], Sequence[os.PathLike]]
    fingerprint: Callable[[Path], bytes] = _content
    file_format: str | None = None


def prepare(
    source: Source,
    data_dir: str | Path,
    prepared_dir: str | Path | None = None,
    builder_config: str | None = None,
    beam_options: Sequence[str] | None = None,
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a dataset, with a complete preparation that matches the raw files.

    Args:
        source: of the dataset.
        data_dir: folder of the raw files.
        prepared_dir: folder of preparations; None means TFDS's own default.
        builder_config: name of one of the builder's configurations; None means the default.
        beam_options: `option=value` each, for a configuration that prepares with Apache Beam.

    Raises:
        UserError: raw files are missing or invalid, or `prepared_dir` cannot be written to.
    """
    folder = Path(data_dir).expanduser()
    try:
        files = [Path(file) for file in source.raw_files(folder)]
        fingerprint = _fingerprint(source, folder, files)
    except (OSError, ValueError) as error:
        raise UserError(f"--data_dir: {_reason(error)}") from None

    def make(place: Path) -> tfds.core.DatasetBuilder:
        return source.builder(data_dir=place, config=builder_config)

    download = tfds.download.DownloadConfig(
        manual_dir=folder,
        compute_stats=tfds.download.ComputeStatsMode.SKIP,
        beam_options=None if beam_options is None else _pipeline_options(beam_options),
    )
    name = source.builder.name
    kind = name if builder_config is None else f"{name}-{builder_config}"
    root = Path(prepared_dir or tfds.core.constants.get_default_data_dir()).expanduser()
    home = root / "tfadvseg" / f"{kind}-{fingerprint}"
    if not home.exists():
        logging.info("Preparing %s from %s in %s.", name, folder, home)
        _log_earlier_copies(kind, home)
        _warn_of_unfinished(home)
        try:
            _prepare_into(make, download, source.file_format, home)
        except FileExistsError:
            pass  # another process has made the same one in the meantime
        except (ValueError, RuntimeError) as error:
            message = _builder_message(error)
            if message is None:
                raise
            raise UserError(message) from None
        except OSError as error:
            if error.errno is None:  # raised by the builder, because raw files are missing
                raise UserError(f"--data_dir: {error}") from None
            raise UserError(
                f"--prepared_dir={root}: cannot write the prepared copy there ({_reason(error)}); "
                "give another folder."
            ) from None
    with quiet(), _named_description(home):
        builder = make(home)
    if not builder.is_prepared():
        raise damaged(home, "incomplete")
    if not builder.info.splits:
        raise damaged(home, "dataset_info.json names no splits")
    return builder


@contextlib.contextmanager
def _named_description(folder: Path) -> Iterator[None]:
    """Names a prepared copy whose description TFDS cannot read when it makes its builder."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, AssertionError, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())[:80]
        raise damaged(folder, f"dataset_info.json: {reason}") from None


def open_copy(
    source: Source, prepared_dir: str | Path, builder_config: str | None = None
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a copy prepared by TFDS itself (`tfds build`), without raw files.

    Args:
        source, builder_config: as in `prepare`.
        prepared_dir: TFDS's `data_dir`.

    Raises:
        UserError: there is no such copy.
    """
    place = Path(prepared_dir).expanduser()
    with quiet(logging.ERROR), _named_description(place / source.builder.name):
        builder = source.builder(data_dir=place, config=builder_config)
    if not builder.is_prepared():
        raise UserError(
            f"--prepared_dir={prepared_dir}: no prepared copy {source.builder.name}/"
            f"{builder_config}; make one, or give the raw files with --data_dir."
        )
    return builder


def example_counts(builder: tfds.core.DatasetBuilder) -> dict[str, int]:
    """Number of examples in each split of a prepared dataset."""
    return {name: info.num_examples for name, info in builder.info.splits.items()}


def stream_split(
    builder: tfds.core.DatasetBuilder, split: str, positions: Collection[int] | None = None
) -> Iterator[Example]:
    """Decodes part of a prepared dataset, one example after another.

    Args:
        builder: its builder; features `id`, `image` [H,W,C] and `label` [H,W,1].
        split: an existing TFDS slice.
        positions: of the examples to decode, counted from 0 in the split; None means all.

    Raises:
        UserError: the preparation is damaged; raised when the damage is reached.
    """
    decoders = {"image": tfds.decode.SkipDecoding(), "label": tfds.decode.SkipDecoding()}
    examples = _encoded(builder, split, decoders)
    if positions is not None:
        chosen = np.zeros(int(examples.cardinality()), dtype=bool)
        chosen[list(positions)] = True
        examples = examples.enumerate().filter(lambda number, _: tf.constant(chosen)[number])
        examples = examples.map(lambda _, example: example)
    features = builder.info.features

    def decode(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        decoded = {name: features[name].decode_example(example[name]) for name in decoders}
        return {"id": example["id"], **decoded}

    for example in _iterate(builder, examples.map(decode, tf.data.AUTOTUNE, deterministic=True)):
        yield Example(example["id"].decode(), example["image"], np.squeeze(example["label"], -1))


def stream_labels(
    builder: tfds.core.DatasetBuilder, split: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields key and label, uint8 [H,W], of each example of a split; images are not decoded.

    Args, Raises:
        As `stream_split`.
    """
    examples = _encoded(builder, split, {"image": tfds.decode.SkipDecoding()})
    for example in _iterate(builder, examples):
        yield example["id"].decode(), np.squeeze(example["label"], axis=-1)


def _encoded(
    builder: tfds.core.DatasetBuilder, split: str, decoders: dict[str, tfds.decode.Decoder]
) -> tf.data.Dataset:
    # Shards in sequence, because otherwise the order would not be the builder's.
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    with quiet(), _named_damage(builder):
        return builder.as_dataset(split=split, read_config=config, decoders=decoders)


def _iterate(
    builder: tfds.core.DatasetBuilder, examples: tf.data.Dataset
) -> Iterator[dict[str, Any]]:
    with _named_damage(builder):
        yield from fixed_parallelism(examples).as_numpy_iterator()


@contextlib.contextmanager
def _named_damage(builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise damaged(builder.data_path, type(error).__name__) from None


def _fingerprint(source: Source, folder: Path, files: list[Path]) -> str:
    """A digest of the builder's version and of every file's place, size and content."""
    digest = hashlib.blake2b(str(source.builder.VERSION).encode())
    for place, file in sorted((file.relative_to(folder).as_posix(), file) for file in files):
        digest.update(f"\0{place}\0{file.stat().st_size}\0".encode() + source.fingerprint(file))
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def _pipeline_options(options: Sequence[str]) -> Any:
    try:
        with quiet(logging.ERROR):  # it warns of missing support for clouds
            from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise UserError(
            "--prepare=beam: Apache Beam is not installed; pip install apache-beam, or omit the "
            "flag."
        ) from None
    # Beam also logs the errors that it raises, with a traceback.
    standard_logging.getLogger("apache_beam").setLevel(standard_logging.CRITICAL)
    return PipelineOptions([f"--{option}" for option in options or ("runner=DirectRunner",)])


def _builder_message(error: ValueError | RuntimeError) -> str | None:
    """The message raised by a builder, perhaps on a Beam worker; None if the error is another."""
    text = str(error)
    if isinstance(error, RuntimeError):  # contains the worker's traceback
        found = re.search(r"ValueError: (.*)", text)
        if found is None:
            return None
        text = found[1]
    return " ".join(text.split()).split(" [while running")[0]


def _prepare_into(
    make: Callable[[Path], tfds.core.DatasetBuilder],
    download: tfds.download.DownloadConfig,
    file_format: str | None,
    home: Path,
) -> None:
    """Prepares into `home`, which appears when complete; leaves nothing behind on failure."""
    absent = [folder for folder in home.parents if not folder.exists()]
    try:
        with atomic.new_folder(home) as unfinished, quiet():
            make(unfinished).download_and_prepare(download_config=download, file_format=file_format)
    except BaseException:
        for folder in absent:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _log_earlier_copies(kind: str, home: Path) -> None:
    """Logs copies of other or earlier versions of the files, which are never deleted."""
    for path in sorted(home.parent.glob(f"{kind}-{'[0-9a-f]' * FINGERPRINT_LENGTH}")):
        logging.info(
            "%s is an earlier copy; delete it if its files are gone or have changed.", path
        )


def _warn_of_unfinished(home: Path) -> None:
    """Logs the remains of a killed preparation: they may be large, or still be in use."""
    for path in home.parent.glob(f".{home.name}{atomic.UNFINISHED}*"):
        logging.warning("%s: an unfinished preparation; delete it unless one is running.", path)


@contextlib.contextmanager
def quiet(least: int = logging.WARNING) -> Iterator[None]:
    """Silences TFDS, which reports its steps on standard output, in the log and in bars."""
    tfds.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity(min(verbosity, least))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)


def damaged(folder: os.PathLike, detail: str) -> UserError:
    return UserError(
        f"{folder}: damaged prepared copy ({detail}); delete that folder and run again."
    )


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
