"""History of a run: running means, one row per epoch, warnings, best results.

All of it is saved in checkpoints, so that a run that was killed and continued reports exactly the
same numbers and rows as an uninterrupted run.
"""

import csv
import io
import json
import math

import tensorflow as tf

from tfadvseg.errors import AFTER_DIVERGENCE, UserError
from tfadvseg.training.types import Maximum, Minimum, Ratio, Scalar, Scalars

FetchedScalars = dict[str, Scalar | float]
"""Scalars on the host: the same types, with floats."""


def fetch(scalars: Scalars) -> FetchedScalars:
    """Copies a step's scalars to the host; waits until the step has ended."""
    return tf.nest.map_structure(float, scalars)


def check_finite(scalars: FetchedScalars, update: int) -> None:
    """Refuses scalars that are NaN or infinite.

    Raises:
        UserError: naming the update and the scalars.
    """
    bad = [
        name
        for name, value in scalars.items()
        if not all(map(math.isfinite, value if isinstance(value, tuple) else (value,)))
    ]
    if bad:
        raise UserError(
            f"update {update}: {', '.join(bad)} not finite; training stopped. {AFTER_DIVERGENCE}"
        )


class Accumulator:
    """Reduces scalars over steps, each by its type (`training.types.Scalar`).

    Sums are in double precision and in the order of the steps; a round trip through JSON does not
    change them.
    """

    def __init__(self, values: dict[str, list[float]] | None = None) -> None:
        self.values = values or {}

    def add(self, scalars: FetchedScalars) -> None:
        for name, value in scalars.items():
            match value:
                case Minimum(low):
                    self.values[name] = [min(low, *self.values.get(name, [low]))]
                case Maximum(high):
                    self.values[name] = [max(high, *self.values.get(name, [high]))]
                case _:
                    pair = value if isinstance(value, Ratio) else (value, 1.0)
                    numerator, denominator = self.values.get(name, [0.0, 0.0])
                    self.values[name] = [numerator + pair[0], denominator + pair[1]]

    def result(self) -> dict[str, float]:
        """The reduced values so far; NaN for a ratio with denominator 0."""
        return {
            name: value[0] if len(value) == 1 else (value[0] / value[1] if value[1] else math.nan)
            for name, value in self.values.items()
        }


class RunLog(tf.train.experimental.PythonState):
    """The part of a run's state that is not tensors.

    Attributes:
        epoch: scalars of the current epoch.
        window: scalars of the current logging window.
        health: D's health scalars over its latest updates; health_updates: number of these updates.
        rows: one row per finished epoch, as in `metrics.csv`.
        notices: warnings about D's health, by kind; each kind is reported once.
        best: best validation metric of each segmenter, and its update.
        seconds: time spent training, summed over restarts.
        wall_seconds: the same with validation, pictures and checkpoints.
    """

    def __init__(self) -> None:
        self.epoch = Accumulator()
        self.window = Accumulator()
        self.health = Accumulator()
        self.health_updates = 0
        self.rows: list[dict[str, float]] = []
        self.notices: dict[str, str] = {}
        self.best: dict[str, dict[str, float]] = {}
        self.seconds = 0.0
        self.wall_seconds = 0.0

    def serialize(self) -> str:
        return json.dumps(
            {
                "epoch": self.epoch.values,
                "window": self.window.values,
                "health": self.health.values,
                "health_updates": self.health_updates,
                "rows": self.rows,
                "notices": self.notices,
                "best": self.best,
                "seconds": self.seconds,
                "wall_seconds": self.wall_seconds,
            }
        )

    def deserialize(self, string_value: bytes | str) -> None:
        fields = json.loads(string_value)
        self.epoch = Accumulator(fields["epoch"])
        self.window = Accumulator(fields["window"])
        self.health = Accumulator(fields["health"])
        self.health_updates = fields["health_updates"]
        self.rows = fields["rows"]
        self.notices = fields["notices"]
        self.best = fields["best"]
        self.seconds = fields["seconds"]
        self.wall_seconds = fields["wall_seconds"]


def csv_text(rows: list[dict[str, float]]) -> str:
    """The text of `metrics.csv`: a header and one row per epoch; missing values are empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()
