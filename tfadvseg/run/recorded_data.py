"""Finds the dataset that a run recorded, from any current folder."""

import dataclasses
from pathlib import Path
from typing import Any

from absl import logging

from tfadvseg.config import Config, DataConfig
from tfadvseg.config.data import PATHS
from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import RUN_FLAGS
from tfadvseg.files.start_facts import read_start_facts
from tfadvseg.flags.flagfile import read_flagfile


def recorded_config(run_dir: Path) -> Config:
    """The configuration of a run, with paths to its data that are valid in the current folder.

    A relative path that does not exist in the current folder is replaced by the one in the folder
    in which the run was started, if that exists.

    Raises:
        UserError: the run's files are damaged.
    """
    config = read_flagfile(run_dir / RUN_FLAGS)
    if not any(_lost(data, name) for data in (config.data, config.target) for name in PATHS):
        return config
    start = _start_of(run_dir)
    if start is None:
        return config
    return dataclasses.replace(
        config, data=_taken_from(start, config.data), target=_taken_from(start, config.target)
    )


def check_found(data: DataConfig, run_dir: Path) -> None:
    """Refuses a dataset of `recorded_config` whose folder was not found.

    Raises:
        UserError: the folder was not found; names the folders that were searched.
    """
    if not _lost(data, "data_dir"):
        return
    start = _start_of(run_dir)
    place = f"nor in {start}, where" if start else "and it is relative to the folder in which"
    raise UserError(
        f"--data_dir={data.data_dir}: no such folder in {Path.cwd()}, {place} the run was started; "
        "give --data_dir."
    )


def _start_of(run_dir: Path) -> Path | None:
    """The folder in which a run was started; None for runs of earlier versions."""
    facts = read_start_facts(run_dir)
    return Path(facts.working_dir) if facts and facts.working_dir else None


def _taken_from(start: Path, data: DataConfig) -> DataConfig:
    found: dict[str, Any] = {}
    for name in PATHS:
        path = getattr(data, name)
        if _lost(data, name) and (start / path).exists():
            logging.info("--%s=%s: found in %s, where the run was started.", name, path, start)
            found[name] = str(start / path)
    return dataclasses.replace(data, **found)


def _lost(data: DataConfig, name: str) -> bool:
    """Whether a path is relative and does not exist in the current folder."""
    path = getattr(data, name)
    return bool(path) and not Path(path).expanduser().is_absolute() and not Path(path).exists()
