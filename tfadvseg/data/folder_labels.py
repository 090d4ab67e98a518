"""What the numbers in a folder's label files mean. No TensorFlow here."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from absl import logging

from tfadvseg.data.descriptors import IGNORE_LABEL, numbered_names
from tfadvseg.data.examples import shortened, values_of
from tfadvseg.data.folder_pages import Page
from tfadvseg.errors import UserError
from tfadvseg_datasets.pairs import some


class UnmappedValues(UserError):
    """Labels that are no class ids, and of which nobody says what they mean.

    Attributes:
        value_map: what they may mean: a class for each value, rising.
    """

    def __init__(self, message: str, values: Iterable[int], ignored: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.value_map = (
            *((value, number) for number, value in enumerate(sorted(values))),
            *((value, IGNORE_LABEL) for value in ignored),
        )


def check_values(pages: Sequence[Page], value_map: Mapping[int, int]) -> None:
    """Refuses labels whose numbers are no class ids and are not mapped to any.

    Raises:
        UserError: naming the file and the numbers, or the entry of the value map, at fault.
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
                    f"{page.label_file}: holds {shortened(unmapped)}, of which --value_map says "
                    f"nothing; add {unmapped[0]}:CLASS, or {unmapped[0]}:{IGNORE_LABEL} to ignore "
                    "such pixels."
                )
            continue
        odd = values[(values < 0) | (values > IGNORE_LABEL)]
        if odd.size:
            # What is below zero stands for no class, by custom.
            example = f"1:1,{odd[0]}:{IGNORE_LABEL}" if odd[0] < 0 else f"{odd[0]}:1"
            raise UserError(
                f"{page.label_file}: holds {shortened(odd)}; say with --value_map which class each "
                f"value is ({IGNORE_LABEL}: ignored), as in --value_map=0:0,{example}."
            )
    seen = _values(pages)
    if not value_map and IGNORE_LABEL in seen and seen <= {0, IGNORE_LABEL}:
        raise UnmappedValues(
            f"{_place(pages)}: labels hold no values but 0 and 255, and 255 would be ignored; "
            "say what it means, as in --value_map=0:0,255:1.",
            (0, IGNORE_LABEL),
        )


def warn_of_two_conventions(pages: Sequence[Page], value_map: Mapping[int, int]) -> None:
    """Names files whose 255 looks like a class rather than like pixels to ignore.

    That is where no file holds it beside other ids than 0, and others hold these: masks of two
    tools, one of which writes 255 for what the other writes as 1.
    """
    with_255 = [page for page in pages if IGNORE_LABEL in page.values]
    others = {value for page in with_255 for value in page.values.tolist()} - {0, IGNORE_LABEL}
    plain = [page for page in pages if page not in with_255 and page.values.max(initial=0) > 0]
    if value_map or others or not with_255 or not plain:
        return
    values = ",".join(f"{value}:{value}" for value in sorted(_values(plain)))
    logging.warning(
        "%s: 255 is ignored there, but no other value than 0 stands beside it, while %s hold "
        "class ids without 255. If it is a class, say so: --value_map=%s,255:1.",
        some([str(page.label_file) for page in with_255]),
        some([page.label_file.name for page in plain if page.label_file]),
        values,
    )


def class_ids(raw: np.ndarray, value_map: Mapping[int, int]) -> np.ndarray:
    """A label as its file holds it, [H,W] of integers, to uint8 class ids."""
    if not value_map:
        return raw.astype(np.uint8)
    values = values_of(raw)
    ids = np.array([value_map[value] for value in values.tolist()], np.uint8)
    return ids[np.searchsorted(values, raw)]


def class_names_of(
    pages: Sequence[Page], value_map: Mapping[int, int], given: tuple[str, ...]
) -> tuple[str, ...]:
    """The user's names, or one for each id up to the largest; checks that labels fit them.

    Raises:
        UserError: labels hold more classes than names, or what looks like grey levels.
    """
    ids = {value_map.get(value, value) for value in _values(pages)} | set(value_map.values())
    ids -= {IGNORE_LABEL}
    if not given:
        largest = max(ids, default=0)
        if largest >= 16 and len(ids) <= largest / 2 and not value_map:
            raise UnmappedValues(
                f"{_place(pages)}: labels hold {shortened(np.array(sorted(ids)))} "
                f"({_holder(pages, largest)} holds {largest}): grey levels rather than class ids? "
                "Say with --value_map which class each value is, or name "
                f"all {largest + 1} classes with --class_names.",
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
