"""Splits and folds of files by a seed, by lists or by stretches. No TensorFlow here."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from pathlib import Path

from tfadvseg.data.folder_names import stems_of
from tfadvseg.data.names import plain_name
from tfadvseg.errors import UserError
from tfadvseg.files.text import read_text
from tfadvseg_datasets.pairs import some

Indices = list[int]

STRETCHES = 4
"""Number of stretches that `hold_out_stretches` holds out."""

_LEAST_RUN = 4
"""Minimum length of every training run for examples next to held-out ones to be dropped."""


def divide_by_fraction(
    keys: Sequence[str], stems: Sequence[str], fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Draws the validation split by a seed.

    Files are sorted by a hash of seed and stem, and the first ones are used for validation, so that
    files added later move few others. Pages of one file stay together, because neighbouring
    sections look alike; of a single file the last pages are used for validation.

    Args:
        keys: one per example.
        stems: the stem of each example's file.
        fraction: share of the files for validation; at least one file, but not all.
        seed: determines the split.

    Returns:
        Indices of the training and of the validation split, ascending.

    Raises:
        UserError: there is a single image, which cannot be split.
    """
    names = _by_hash(keys, stems, seed)
    if len(names) == 1:
        raise UserError(
            f"{names[0]} is the only image with a label; training and validation need at least two."
        )
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    val = _where(keys, stems, set(names[:count]))
    return _without(len(keys), val), val


def divide_by_lists(
    keys: Sequence[str],
    stems: Sequence[str],
    train_list: str,
    val_list: str,
    names: Mapping[str, frozenset[str]] | None = None,
) -> tuple[Indices, Indices]:
    """Takes the splits from two text files with one stem, key or path per line.

    Args:
        keys: one per example.
        stems: the stem of each example's file; it stands for all the file's pages.
        train_list, val_list: paths; images in neither are ignored.
        names: stems by the paths that lists may use instead (`folder_names.names_of_files`).

    Returns:
        Indices of the training and of the validation split, ascending.

    Raises:
        UserError: a list is unreadable or empty, or names an unknown image or the same one twice.
    """
    train, val = (
        _where(keys, stems, _read_list(path, flag, {*keys, *stems}, names))
        for path, flag in ((train_list, "train_list"), (val_list, "val_list"))
    )
    held_out = set(val)
    if both := [keys[i] for i in train if i in held_out]:
        raise UserError(
            f"--train_list={train_list} and --val_list={val_list} both name {some(both)}; put each "
            "image in one of them."
        )
    return train, val


def hold_out_stretches(count: int, fraction: float) -> tuple[list[range], list[range]]:
    """Splits a list whose neighbours look alike, such as frames of a video.

    The list is cut into `STRETCHES` equal parts, and the middle of each is held out, so that the
    whole list is represented. Neighbours of held-out examples are not used for training either,
    unless hardly any would remain. The split does not depend on a seed, so runs with different
    seeds are validated on the same examples.

    Args:
        count: number of examples in the list.
        fraction: share of them to hold out; at least one, but not all.

    Returns:
        Positions for training and held-out positions, as ranges, in order.

    Raises:
        UserError: there is a single example, which cannot be split.
    """
    if count < 2:
        raise UserError("A list of one image cannot be split; give more images.")
    total = min(max(round(fraction * count), 1), count - 1)
    stretches = min(STRETCHES, total)
    train, held_out, last = [], [], 0
    for number in range(stretches):
        start, end = number * count // stretches, (number + 1) * count // stretches
        length = (number + 1) * total // stretches - number * total // stretches
        first = start + (end - start - length) // 2
        train.append(range(last, first))
        held_out.append(range(first, first + length))
        last = first + length
    train.append(range(last, count))
    if min(map(len, train)) >= _LEAST_RUN:
        inner = [range(run.start + 1, run.stop - 1) for run in train[1:-1]]
        train = [train[0][:-1], *inner, train[-1][1:]]
    return [positions for positions in train if positions], held_out


def files_for_test(
    keys: Sequence[str], stems: Sequence[str], fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Draws files that are kept for testing, from the end that does not validate.

    So which files validate changes little with the share that tests.

    Args:
        keys, stems, seed: as for `divide_by_fraction`.
        fraction: share of the files, at least one.

    Returns:
        Indices of the other examples and of the kept ones, ascending.

    Raises:
        UserError: fewer than two others would be left, to train and to validate.
    """
    names = _by_hash(keys, stems, seed)
    count = max(round(fraction * len(names)), 1)
    if len(names) - count < 2:
        raise UserError(
            f"--test_fraction={fraction}: keeps {count} of {len(names)} images, which leaves too "
            "few to train and to validate; give a smaller share, or more images."
        )
    test = _where(keys, stems, set(names[-count:]))
    return _without(len(keys), test), test


def listed_for_test(
    keys: Sequence[str],
    stems: Sequence[str],
    test_list: str,
    names: Mapping[str, frozenset[str]] | None = None,
) -> tuple[Indices, Indices]:
    """Keeps for testing what a text file names, one stem, key or path a line.

    Args:
        keys, stems, names: as for `divide_by_lists`.
        test_list: its path.

    Returns:
        Indices of the other examples and of the kept ones, ascending.

    Raises:
        UserError: the list is unreadable or empty, or names what does not exist, or something
            twice; or nothing else is left.
    """
    test = _where(keys, stems, _read_list(test_list, "test_list", {*keys, *stems}, names))
    rest = _without(len(keys), test)
    if not rest:
        raise UserError(f"--test_list={test_list}: names all images; leave some to train on.")
    return rest, test


def file_folds(keys: Sequence[str], stems: Sequence[str], folds: int, seed: int) -> list[Indices]:
    """Divides files into folds by a seed: a partition whose sizes differ by one file at most.

    Pages of one file stay together. Those of a single file are divided into runs of neighbours.

    Args:
        keys, stems, seed: as for `divide_by_fraction`.
        folds: at least 2.

    Returns:
        Ascending indices of each fold.

    Raises:
        UserError: there are fewer files than folds.
    """
    names = _by_hash(keys, stems, seed)
    if len(names) < folds:
        raise UserError(
            f"--folds={folds}: there are {len(names)} images; each fold needs one at least."
        )
    return [
        _where(keys, stems, set(names[run.start : run.stop]))
        for run in even_runs(len(names), folds)
    ]


def even_runs(count: int, parts: int) -> list[range]:
    """Consecutive runs of `range(count)` whose lengths differ by one at most."""
    bounds = [number * count // parts for number in range(parts + 1)]
    return [range(first, last) for first, last in itertools.pairwise(bounds)]


def _by_hash(keys: Sequence[str], stems: Sequence[str], seed: int) -> list[str]:
    """Files in an order drawn by a seed; of a single file the pages, the last ones first."""
    names = sorted(set(stems), key=lambda stem: _hash(seed, stem))
    return list(reversed(keys)) if len(names) == 1 else names


def _without(count: int, chosen: Iterable[int]) -> Indices:
    left_out = set(chosen)
    return [i for i in range(count) if i not in left_out]


def _read_list(
    path: str,
    flag: str,
    known: Collection[str],
    names: Mapping[str, frozenset[str]] | None = None,
) -> set[str]:
    """The stems and keys that a list names."""
    try:
        lines = [
            plain_name(line.strip()) for line in read_text(Path(path).expanduser()).splitlines()
        ]
    except OSError as error:
        raise UserError(f"--{flag}={path}: {error.strerror}; give a text file.") from None
    except UnicodeDecodeError:
        raise UserError(f"--{flag}={path}: not text; write one stem per line.") from None
    found, unknown = [], []
    for line in filter(None, lines):
        if line in known:
            found.append(line)
            continue
        stems = stems_of(line, names or {}, Path(path).expanduser().parent).intersection(known)
        if len(stems) > 1:
            raise UserError(
                f"--{flag}={path}: {line} may be {some(sorted(stems))}; write the whole path."
            )
        found += stems
        if not stems:
            unknown.append(line)
    times = Counter(found)
    if unknown:
        raise UserError(
            f"--{flag}={path}: no image {some(unknown)} with a label; write one stem per line: "
            "the file's name without folder and suffix, or its path."
        )
    if not times:
        raise UserError(f"--{flag}={path}: empty; write one stem per line.")
    twice = [name for name, count in times.items() if count > 1]
    if twice:
        raise UserError(f"--{flag}={path}: names {some(twice)} twice; name each image once.")
    return set(times)


def _where(keys: Sequence[str], stems: Sequence[str], chosen: Container[str]) -> Indices:
    pairs = enumerate(zip(keys, stems, strict=True))
    return [i for i, (key, stem) in pairs if key in chosen or stem in chosen]


def seed_order(keys: Sequence[str], seed: int) -> Indices:
    """Positions of the keys, ordered by a hash of seed and key."""
    return sorted(range(len(keys)), key=lambda i: _hash(seed, keys[i]))


def _hash(seed: int, stem: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{stem}".encode()).digest()
