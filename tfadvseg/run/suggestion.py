"""A flagfile that a careful person would start from, each line with its reason."""

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

_MOST_GUESSED = 16  # classes


def this_machine() -> Machine:
    """The memory that is free here: of the first GPU, or else of the computer."""
    if tf.config.list_physical_devices("GPU"):
        query = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
        try:
            free = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20)
            return Machine(float(free.stdout.split()[0]) * 2**20, True)
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            return Machine(8 * 2**30, True)
    return Machine(_free_memory(), False)


def _free_memory() -> float:
    """Bytes that programs can have, which is more than what nothing uses."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return float(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * (
            2**10
        )
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) / 2


def write_suggestion(config: DataConfig, seed: int, path: str) -> list[str]:
    """Reads a dataset and writes a flagfile to start from.

    Args:
        config: the dataset, and what its files mean.
        seed: draws the division of datasets that have no splits of their own.
        path: of the flagfile, which must not be there yet.

    Returns:
        What is likely wrong with the data, a sentence each.

    Raises:
        UserError: the file is there, or the dataset cannot be read.
    """
    check_new(path)
    mapped = with_values_mapped(config, seed)
    guessed = mapped.value_map != config.value_map
    config = mapped
    descriptor, parts = read_parts(config, seed)
    faults = find_faults(parts, descriptor.class_names)
    if guessed:
        faults.insert(0, f"Labels hold values that are no class ids: {_guess(config)} is a guess.")
    lines = [*suggest(config, descriptor, parts, this_machine())]
    atomic.write_text(path, flagfile_text(path, config, parts, faults, lines))
    return faults


def check_new(path: str) -> None:
    """Refuses to write over a file.

    Raises:
        UserError: it is there.
    """
    if Path(path).exists():
        raise UserError(f"--suggest={path}: is there already; give another name, or delete it.")


def with_values_mapped(config: DataConfig, seed: int) -> DataConfig:
    """The same, with a guess of `value_map` where labels hold a few other values than class ids.

    Raises:
        UserError: as `read_parts`, or there are more values than a person tells apart.
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
    """Looks at what trains, validates and, if there is such a part, tests.

    Raises:
        UserError: as `data.sources.load_splits`.
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
    """The flagfile."""
    head = [
        f"# A start for {config.dataset}, from a look at its images. Change what you know better.",
        "#",
        f"#   python scripts/train.py --flagfile={path}",
        "#",
    ]
    if any(part.cut for part in parts.values()):
        head.append(f"# Of each part, the first {MOST} images were looked at.")
    if faults:
        head.append("# What is likely wrong with the data:")
        head += [line for fault in faults for line in _comment(fault, "- ")]
    else:
        head.append("# Nothing was found to be wrong with the data.")
    body = []
    for line in lines:
        body += [*_comment(f"{line.reason}."), *([line.flag] if line.flag else [])]
    return "\n".join([*head, "", *body, ""])


def _comment(text: str, mark: str = "") -> list[str]:
    """Lines of a comment; long ones are broken, but never a word, which may be a flag or a path."""
    return textwrap.wrap(
        text,
        100,
        initial_indent=f"# {mark}",
        subsequent_indent=f"# {' ' * len(mark)}",
        break_long_words=False,
        break_on_hyphens=False,
    )
