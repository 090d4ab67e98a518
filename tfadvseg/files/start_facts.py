"""What a run recorded at its start, read back. No TensorFlow here."""

import json
from dataclasses import dataclass
from pathlib import Path

from tfadvseg.errors import UserError

START_FACTS = "start.json"


@dataclass(frozen=True)
class PhaseFacts:
    """One phase of an epoch.

    Attributes:
        name: of the phase.
        updates: per epoch.
        windows: how many a global batch has, by the tensor's name (`image`, `target_image`, ...).
        first_batch: the mean of each window of the very first batch, by the tensor's name.
    """

    name: str
    updates: int
    windows: dict[str, int]
    first_batch: dict[str, list[float]]


@dataclass(frozen=True)
class StartFacts:
    """What `run.start_facts` wrote.

    Attributes:
        parts: fingerprints of the images and labels, by part.
        images: how many images each part has.
        initial_weights: a hash of what S trains, before the first update.
        parameters: how many numbers S trains.
        phases: of an epoch.
        working_dir: the folder that relative paths among the run's flags start from; empty of runs
            of earlier versions.
    """

    parts: dict[str, str]
    images: dict[str, int]
    initial_weights: str
    parameters: int
    phases: tuple[PhaseFacts, ...]
    working_dir: str = ""

    def windows_per_epoch(self) -> dict[str, int]:
        """Windows that are shown to the networks in an epoch, by the tensor's name."""
        shown: dict[str, int] = {}
        for phase in self.phases:
            for name, count in phase.windows.items():
                shown[name] = shown.get(name, 0) + phase.updates * count
        return shown


def read_start_facts(folder: str | Path) -> StartFacts | None:
    """The facts of a run's folder; None of runs of earlier versions, which recorded none.

    Raises:
        UserError: the file is damaged.
    """
    path = Path(folder) / START_FACTS
    try:
        fields = json.loads(path.read_text())
        phases = tuple(PhaseFacts(**phase) for phase in fields.pop("phases"))
        return StartFacts(**fields, phases=phases)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: not what a run records at its start ({error}).") from None
