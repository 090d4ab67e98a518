"""The classes of the numbers in a folder's label files. No TensorFlow here."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from absl import logging

from tfadvseg.data.descriptors import IGNORE_LABEL, numbered_names
from tfadvseg.data.examples import shortened, values_of
from tfadvseg.data.folder_pages import Page
from tfadvseg.errors import UserError
from tfadvseg_datasets.pairs import some


class UnmappedValues(UserError):
    """Labels whose values are not class ids and have no `--value_map`.

    Attributes:
        value_map: a guess of it: one class per value, in ascending order.
    """

    def __init__(self, message: str, values: Iterable[int], ignored: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.value_map = (
            *((value, number) for number, value in enumerate(sorted(values))),
            *((value, IGNORE_LABEL) for value in ignored),
        )


def check_values(pages: Sequence[Page], value_map: Mapping[int, int]) -> None:
    """Refuses labels whose numbers are neither class ids nor mapped to class ids.

    Raises:
        UserError: a label or the value map is wrong; names the file and its numbers, or the entry.
    """
    for value, class_id in value_map.items():
        if not 0 <= class_id <= IGNORE_LABEL:
            raise UserError(
                f"--value_map={value}:{class_id}: class ids are 0 to {IGNORE_LABEL - 1}, and "
                f"{IGNORE_LABEL} for pixels to ignore."
            )
    for page in pages:
        values = page.values
        if value_map:
            unmapped = values[~np.isin(values, list(value_map))]
            if unmapped.size:
                raise UserError(
                    f"{page.label_file}: holds {shortened(unmapped)}, which --value_map does not "
                    f"contain; add {unmapped[0]}:CLASS, or {unmapped[0]}:{IGNORE_LABEL} to ignore "
                    "such pixels."
                )
            continue
        odd = values[(values < 0) | (values > IGNORE_LABEL)]
        if odd.size:
            # By convention, negative numbers stand for no class.
            example = f"1:1,{odd[0]}:{IGNORE_LABEL}" if odd[0] < 0 else f"{odd[0]}:1"
            raise UserError(
                f"{page.label_file}: holds {shortened(odd)}; give the class of each value by "
                f"--value_map ({IGNORE_LABEL}: ignored), as in --value_map=0:0,{example}."
            )
    seen = _values(pages)
    if not value_map and IGNORE_LABEL in seen and seen <= {0, IGNORE_LABEL}:
        raise UnmappedValues(
            f"{_place(pages)}: labels hold only 0 and 255, and 255 would be ignored; give its "
            "class, as in --value_map=0:0,255:1.",
            (0, IGNORE_LABEL),
        )


def warn_of_two_conventions(pages: Sequence[Page], value_map: Mapping[int, int]) -> None:
    """Logs files whose 255 looks like a class rather than like ignored pixels.

    This is the case if files with 255 have no other ids than 0, and other files do: masks of two
    tools, one of which writes 255 for what the other writes as 1.
    """
    with_255 = [page for page in pages if IGNORE_LABEL in page.values]
    others = {value for page in with_255 for value in page.values.tolist()} - {0, IGNORE_LABEL}
    plain = [page for page in pages if page not in with_255 and page.values.max(initial=0) > 0]
    if value_map or others or not with_255 or not plain:
        return
    values = ",".join(f"{value}:{value}" for value in sorted(_values(plain)))
    logging.warning(
        "%s: 255 is ignored, but the only other value there is 0, while %s hold class ids and no "
        "255. If 255 is a class, give it: --value_map=%s,255:1.",
        some([str(page.label_file) for page in with_255]),
        some([page.label_file.name for page in plain if page.label_file]),
        values,
    )


def class_ids(raw: np.ndarray, value_map: Mapping[int, int]) -> np.ndarray:
    """Converts a label as stored in its file, integers [H,W], to uint8 class ids."""
    if not value_map:
        return raw.astype(np.uint8)
    values = values_of(raw)
    ids = np.array([value_map[value] for value in values.tolist()], np.uint8)
    return ids[np.searchsorted(values, raw)]


def class_names_of(
    pages: Sequence[Page], value_map: Mapping[int, int], given: tuple[str, ...]
) -> tuple[str, ...]:
    """The user's names, or one for each id up to the largest; checks that labels match them.

    Raises:
        UserError: labels hold more classes than names, or values that look like grey levels.
    """
    ids = {value_map.get(value, value) for value in _values(pages)} | set(value_map.values())
    ids -= {IGNORE_LABEL}
    if not given:
        largest = max(ids, default=0)
        if largest >= 16 and len(ids) <= largest / 2 and not value_map:
            raise UnmappedValues(
                f"{_place(pages)}: labels hold {shortened(np.array(sorted(ids)))} "
                f"({_holder(pages, largest)} holds {largest}): grey levels rather than class ids? "
                "Give the class of each value by --value_map, or name all "
                f"{largest + 1} classes with --class_names.",
                ids,
                _values(pages) & {IGNORE_LABEL},
            )
        return numbered_names(max(largest + 1, 2))
    count = len(given)
    for page in pages:
        held = {value_map.get(value, value) for value in page.values.tolist()}
        wrong = np.array(sorted(held - {IGNORE_LABEL} - set(range(count))))
        if wrong.size:
            raise UserError(
                f"{page.label_file}: holds class {shortened(wrong)}, but there are {count} "
                f"classes, 0 to {count - 1} ({', '.join(given)}); correct the label, or "
                "--class_names."
            )
    return given


def _holder(pages: Sequence[Page], value: int) -> str:
    """The name of a file that holds a value."""
    files = (page.label_file for page in pages if value in page.values)
    return next(str(file and file.name) for file in files)


def _values(pages: Sequence[Page]) -> set[int]:
    return {value for page in pages for value in page.values.tolist()}


def _place(pages: Sequence[Page]) -> str:
    file = pages[0].label_file
    return str(file and file.parent)
