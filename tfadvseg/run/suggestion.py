"""Writes a flagfile to start from, with a reason for every line."""

import contextlib
import dataclasses
import os
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from tfadvseg.config import DataConfig
from tfadvseg.config.checks import as_flag
from tfadvseg.data.descriptors import DatasetDescriptor
from tfadvseg.data.faults import find_faults
from tfadvseg.data.folder_labels import UnmappedValues
from tfadvseg.data.readers import open_reader
from tfadvseg.data.resizing import resize_example
from tfadvseg.data.survey import MOST, Survey, survey
from tfadvseg.errors import UserError
from tfadvseg.files import atomic
from tfadvseg.run.suggested_flags import Line, Machine, suggest

_MOST_GUESSED = 16  # most classes for which a value map is guessed


def this_machine() -> Machine:
    """Free memory of the first GPU, or of the computer if there is no GPU."""
    if tf.config.list_physical_devices("GPU"):
        query = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
        try:
            free = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20)
            return Machine(float(free.stdout.split()[0]) * 2**20, True)
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            return Machine(8 * 2**30, True)
    return Machine(_free_memory(), False)


def _free_memory() -> float:
    """Bytes available to programs, which is more than the unused memory."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return float(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * (
            2**10
        )
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) / 2


def write_suggestion(config: DataConfig, seed: int, path: str) -> list[str]:
    """Reads a dataset and writes a flagfile to start from.

    Args:
        config: the dataset and the options of its files.
        seed: seed for the division of datasets that have no splits of their own.
        path: path of the flagfile, which must not exist.

    Returns:
        Likely faults of the data, one sentence each.

    Raises:
        UserError: the file exists, or the dataset cannot be read.
    """
    check_new(path)
    mapped = with_values_mapped(config, seed)
    guessed = mapped.value_map != config.value_map
    config = mapped
    descriptor, parts = read_parts(config, seed)
    faults = find_faults(parts, descriptor.class_names)
    if guessed:
        faults.insert(0, f"Labels hold values that are not class ids: {_guess(config)} is a guess.")
    lines = [*suggest(config, descriptor, parts, this_machine())]
    atomic.write_text(path, flagfile_text(path, config, parts, faults, lines))
    return faults


def check_new(path: str) -> None:
    """Refuses to overwrite a file.

    Raises:
        UserError: the file exists.
    """
    if Path(path).exists():
        raise UserError(f"--suggest={path}: already exists; give another name, or delete it.")


def with_values_mapped(config: DataConfig, seed: int) -> DataConfig:
    """Adds a guessed `value_map` if labels hold a few values that are not class ids.

    Raises:
        UserError: as for `read_parts`, or labels hold too many values for a guess.
    """
    try:
        open_reader(config, seed)
    except UnmappedValues as error:
        if len(error.value_map) > _MOST_GUESSED:
            raise
        return dataclasses.replace(config, value_map=error.value_map)
    return config


def _guess(config: DataConfig) -> str:
    return as_flag("value_map", config.value_map)


def read_parts(config: DataConfig, seed: int) -> tuple[DatasetDescriptor, dict[str, Survey]]:
    """Reads the images for training, for validation and, if there are any, for tests.

    Raises:
        UserError: as for `data.sources.load_splits`.
    """
    reader = open_reader(config, seed)
    parts = {}
    for part in ("train", "validation", "test"):
        try:
            stream = reader.stream(reader.meaning.get(part, part), "split")
            if config.resize:
                stream = (resize_example(example, config.resize) for example in stream)
            parts[part] = survey(stream, reader.descriptor.num_classes)
        except UserError:
            if part != "test":
                raise
    return reader.descriptor, parts


def flagfile_text(
    path: str,
    config: DataConfig,
    parts: Mapping[str, Survey],
    faults: list[str],
    lines: list[Line],
) -> str:
    """Text of the flagfile."""
    head = [
        f"# Flags to start from for {config.dataset}, chosen from its images. Change them freely.",
        "#",
        f"#   python scripts/train.py --flagfile={path}",
        "#",
    ]
    if any(part.cut for part in parts.values()):
        head.append(f"# Only the first {MOST} images of each part were read.")
    if faults:
        head.append("# Likely faults of the data:")
        head += [line for fault in faults for line in _comment(fault, "- ")]
    else:
        head.append("# No faults were found in the data.")
    body = []
    for line in lines:
        body += [*_comment(f"{line.reason}."), *([line.flag] if line.flag else [])]
    return "\n".join([*head, "", *body, ""])


def _comment(text: str, mark: str = "") -> list[str]:
    """Lines of a comment; words are never broken, because they may be flags or paths."""
    return textwrap.wrap(
        text,
        100,
        initial_indent=f"# {mark}",
        subsequent_indent=f"# {' ' * len(mark)}",
        break_long_words=False,
        break_on_hyphens=False,
    )
