"""Colour-coded labels: the class of each colour. No TensorFlow here."""

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from absl import logging

from tfadvseg.config.data_checks import MAX_CLASSES
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.images import read_colours
from tfadvseg.data.names import plain_name
from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text
from tfadvseg_datasets.decoded import Decoded

Colour = tuple[int, int, int]

_IGNORED = ("void", "unlabelled", "unlabeled", "ignore", "ignored")
"""Names of ignored pixels, in lower case, unless `--class_names` contains them."""

_HEADS: Mapping[str, tuple[str, ...]] = {
    "red": ("r", "red"),
    "green": ("g", "green"),
    "blue": ("b", "blue"),
    "name": ("name", "class", "class_name", "label", "category"),
    "id": ("id", "class_id", "label_id", "train_id", "index", "value"),
}
"""Accepted headings of the columns of a CSV file."""


@dataclass(frozen=True)
class ColourMap:
    """The class of each colour.

    Attributes:
        file: path of the file that it was read from.
        names: names of the classes.
        palette: first colour of each class.
        ids: class id, or `IGNORE_LABEL`, of each colour.
    """

    file: str
    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    ids: Mapping[Colour, int]

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """The class id of each of 2**24 colours, or -1."""
        table = np.full(2**24, -1, np.int16)
        for (red, green, blue), class_id in self.ids.items():
            table[red << 16 | green << 8 | blue] = class_id
        return table

    def class_ids(self, colours: np.ndarray, where: str) -> np.ndarray:
        """Converts colours, uint8 [H,W,3], to class ids, uint8 [H,W].

        Raises:
            UserError: a colour that the file does not list; gives `where`, the colour, and the
                number of its pixels.
        """
        red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
        codes = red << 16 | green << 8 | blue
        ids = self._table[codes]
        unknown, counts = np.unique(codes[ids < 0], return_counts=True)
        if unknown.size:
            first = unknown[counts.argmax()]
            colour = ",".join(str(first >> shift & 255) for shift in (16, 8, 0))
            more = f" and {unknown.size - 1} other colours" if unknown.size > 1 else ""
            raise UserError(
                f"{where}: {counts.max():,} of {codes.size:,} pixels have the colour {colour}"
                f"{more}, which --colour_map={self.file} does not list; add it there with its "
                "class (void: ignored), or correct the label."
            )
        return ids.astype(np.uint8)

    def read(self, path: str | Path) -> Decoded:
        """The pages of a colour-coded label file as class ids, uint8 [H,W] each, and notes.

        Raises:
            UserError: the file is absent, damaged or lossy, or a colour is not listed.
        """
        pages, notes = read_colours(path)
        return Decoded([self.class_ids(page, str(path)) for page in pages], notes)


def read_colour_map(path: str, class_names: Sequence[str] = ()) -> ColourMap:
    """Reads the class of each colour from a text file.

    Lines are `red green blue name`, as in CamVid's label_colors.txt, or `name red green blue`. A
    CSV file has the same cells in either order, or in any order under headings (`name,r,g,b`), with
    an optional `id`. Classes are numbered by their ids, or else in the order of the lines. Several
    colours may have the same name. Colours named void, unlabelled or ignored are ignored.

    Args:
        path: path of the file.
        class_names: classes of the file to use, in this order; all others are ignored. Empty means
            all classes.

    Raises:
        UserError: the file is not valid; names the file, the line and the fault.
    """
    flag = f"--colour_map={path}"
    try:
        text = read_text(Path(path).expanduser())
    except OSError as error:
        raise UserError(f"{flag}: {error.strerror}; give a text file.") from None
    except UnicodeDecodeError:
        raise UserError(f"{flag}: not text; write `red green blue name` on each line.") from None
    entries = [(colour, plain_name(name), number) for colour, name, number in _entries(text, flag)]
    colours: dict[Colour, str] = {}
    numbers: dict[str, int] = {}
    for colour, name, number in entries:
        if colours.setdefault(colour, name) != name:
            raise UserError(
                f"{flag}: {','.join(map(str, colour))} is {colours[colour]} and {name}; give each "
                "colour one class."
            )
        if number is not None and numbers.setdefault(name, number) != number:
            raise UserError(
                f"{flag}: {name} has the ids {numbers[name]} and {number}; give it only one."
            )
    names = _names(colours, numbers, class_names, flag)
    left_out = dict.fromkeys(name for name in colours.values() if name not in names)
    if left_out:
        logging.info("%s: %s are ignored (%d).", flag, ", ".join(left_out), IGNORE_LABEL)
    ids = {
        colour: names.index(name) if name in names else IGNORE_LABEL
        for colour, name in colours.items()
    }
    palette = tuple(next(c for c, own in colours.items() if own == name) for name in names)
    return ColourMap(path, names, palette, ids)


def _names(
    colours: Mapping[Colour, str],
    numbers: Mapping[str, int],
    class_names: Sequence[str],
    flag: str,
) -> tuple[str, ...]:
    every = tuple(dict.fromkeys(colours.values()))
    if class_names:
        unknown = [name for name in class_names if name not in every]
        if unknown:
            raise UserError(
                f"{flag}: lists no {', '.join(unknown)}, which --class_names contains; it lists "
                f"{', '.join(every)}."
            )
        return tuple(class_names)
    names = tuple(
        name
        for name in every
        if name.lower() not in _IGNORED and 0 <= numbers.get(name, 0) < IGNORE_LABEL
    )
    if numbers:
        names = tuple(sorted(names, key=lambda name: numbers[name]))
        if [numbers[name] for name in names] != [*range(len(names))]:
            raise UserError(
                f"{flag}: class ids are {', '.join(str(numbers[name]) for name in names)}; number "
                f"the classes from 0 on without gaps ({IGNORE_LABEL}: ignored)."
            )
    if not 2 <= len(names) <= MAX_CLASSES:
        raise UserError(f"{flag}: lists {len(names)} classes; give 2 to {MAX_CLASSES}.")
    return names


def _entries(text: str, flag: str) -> list[tuple[Colour, str, int | None]]:
    """Colour, name and id, if any, of each line."""
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.strip().startswith(("#", "//"))
    ]
    if not lines:
        what = "holds nothing but comments (#)" if text.strip() else "empty"
        raise UserError(f"{flag}: {what}; write `red green blue name` on each line.")
    mark = next((mark for mark in ";," if all(mark in line for _, line in lines)), None)
    if mark is None:
        if _columns(lines[0][1].split()):
            lines = lines[1:]
        return [_entry(line.split(), f"{flag}, line {number}") for number, line in lines]
    rows = [next(csv.reader([line], delimiter=mark)) for _, line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    columns = _columns(rows[0])
    if columns is None:
        return [
            _entry(row, f"{flag}, line {number}")
            for row, (number, _) in zip(rows, lines, strict=True)
        ]
    entries = []
    for row, (number, _) in zip(rows[1:], lines[1:], strict=True):
        where = f"{flag}, line {number}"
        if len(row) != len(rows[0]):
            raise UserError(
                f"{where}: {len(row)} cells under {len(rows[0])} headings; make them equal."
            )
        cells = [row[columns[key]] for key in ("red", "green", "blue", "name")]
        colour, name, _ = _entry(cells, where)
        class_id = None
        if "id" in columns:
            if not _is_whole(row[columns["id"]]):
                raise UserError(
                    f"{where}: {row[columns['id']]} is not a class id; give an integer."
                )
            class_id = int(row[columns["id"]])
            if class_id > IGNORE_LABEL:
                raise UserError(
                    f"{where}: the id {class_id} is too large; class ids are 0 to "
                    f"{IGNORE_LABEL - 1}, and {IGNORE_LABEL} or a negative one is ignored."
                )
        entries.append((colour, name, class_id))
    if not entries:
        raise UserError(f"{flag}: has headings only; add a line for each colour.")
    return entries


def _columns(heads: Sequence[str]) -> dict[str, int] | None:
    """Positions of the columns, if these cells are headings."""
    lower = [head.lower() for head in heads]
    found = {
        key: lower.index(name) for key, names in _HEADS.items() for name in names if name in lower
    }
    return found if {"red", "green", "blue", "name"} <= found.keys() else None


def _entry(cells: Sequence[str], where: str) -> tuple[Colour, str, None]:
    for numbers, names in ((cells[:3], cells[3:]), (cells[-3:], cells[:-3])):
        if len(cells) >= 4 and all(map(_is_whole, numbers)):
            colour, name = tuple(map(int, numbers)), " ".join(names).strip()
            if not all(0 <= level <= 255 for level in colour):
                raise UserError(
                    f"{where}: {' '.join(numbers)} is not a colour; give levels from 0 to 255."
                )
            if not name or "/" in name:
                raise UserError(
                    f"{where}: a class needs a name without slashes, which separate the parts of "
                    "metric names; rename it."
                )
            return colour, name, None  # type: ignore[return-value]
    raise UserError(
        f"{where}: {' '.join(cells)!r} is neither `red green blue name` nor `name red green blue`."
    )


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
