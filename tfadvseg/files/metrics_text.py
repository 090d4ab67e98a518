"""Metrics as text: tables for reading, and numbers that JSON can represent. No TensorFlow here."""

import math
from collections.abc import Mapping, Sequence

Cells = Sequence[Sequence[str]]
"""Rows of a table, all of the same length; the first is the header."""


def plain_table(cells: Cells) -> str:
    """A table for a terminal, with the first column aligned left and the others right."""
    header, *lines = _aligned(cells)
    rule = ["-" * len(cell) for cell in header]
    return "\n".join("  ".join(line) for line in (header, rule, *lines))


def markdown_table(cells: Cells) -> str:
    """The same table in Markdown."""
    header, *lines = _aligned(cells)
    rule = ["-" * len(header[0]), *("-" * (len(cell) - 1) + ":" for cell in header[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))


def without_nan(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Replaces NaN (a class that does not occur has no score) by None, for JSON."""
    return {name: None if math.isnan(value) else value for name, value in metrics.items()}


def with_nan(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Reverses `without_nan`."""
    return {name: math.nan if value is None else value for name, value in metrics.items()}


def _aligned(cells: Cells) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        [line[0].ljust(widths[0])]
        + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        for line in cells
    ]
