"""Which examples of a folder train and which validate. No TensorFlow here."""

import hashlib
from collections import Counter
from collections.abc import Container, Sequence
from pathlib import Path

from tfadvseg.errors import UserError

Indices = list[int]


def divide_by_fraction(
    keys: Sequence[str], stems: Sequence[str], fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Draws the validation part by a seed.

    Files are ordered by a hash of seed and stem, and the first ones validate: files that are added
    later move few others across. Pages of one file stay together, because neighbouring sections
    look alike; of a single file the last pages validate.

    Args:
        keys: one an example.
        stems: the stem of each example's file.
        fraction: share of the files that validates, at least one and not all.
        seed: another one draws another division.

    Returns:
        Indices of the training and of the validation part, rising.

    Raises:
        UserError: a single image, which cannot be divided.
    """
    names = sorted(set(stems), key=lambda stem: _hash(seed, stem))
    if len(names) == 1:
        names = list(reversed(keys))
    if len(names) == 1:
        raise UserError(
            f"{names[0]} is the only image; at least two are needed, to train and to validate."
        )
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    val = _where(keys, stems, set(names[:count]))
    return [i for i in range(len(keys)) if i not in set(val)], val


def divide_by_lists(
    keys: Sequence[str], stems: Sequence[str], train_list: str, val_list: str
) -> tuple[Indices, Indices]:
    """Takes the parts that two text files name, one stem or key a line.

    Args:
        keys: one an example.
        stems: the stem of each example's file; it stands for all the file's pages.
        train_list, val_list: paths; images in neither are left out.

    Returns:
        Indices of the training and of the validation part, rising.

    Raises:
        UserError: a list is unreadable or empty, or names what does not exist, or something twice.
    """
    train, val = (
        _where(keys, stems, _read_list(path, flag, {*keys, *stems}))
        for path, flag in ((train_list, "train_list"), (val_list, "val_list"))
    )
    both = [keys[i] for i in train if i in set(val)]
    if both:
        raise UserError(
            f"--train_list={train_list} and --val_list={val_list} both name {_some(both)}; each "
            "image belongs to one of them."
        )
    return train, val


def _read_list(path: str, flag: str, known: Container[str]) -> set[str]:
    try:
        lines = [line.strip() for line in Path(path).expanduser().read_text().splitlines()]
    except OSError as error:
        raise UserError(f"--{flag}={path}: {error.strerror}; give a text file.") from None
    except UnicodeDecodeError:
        raise UserError(f"--{flag}={path}: not text; write one stem a line.") from None
    times = Counter(line for line in lines if line)
    if not times:
        raise UserError(f"--{flag}={path}: empty; write one stem a line.")
    twice = [name for name, count in times.items() if count > 1]
    if twice:
        raise UserError(f"--{flag}={path}: names {_some(twice)} twice; once is enough.")
    unknown = [name for name in times if name not in known]
    if unknown:
        raise UserError(
            f"--{flag}={path}: no image {_some(unknown)}; write one stem a line: the file's name "
            "without folder and suffix."
        )
    return set(times)


def _where(keys: Sequence[str], stems: Sequence[str], chosen: Container[str]) -> Indices:
    pairs = enumerate(zip(keys, stems, strict=True))
    return [i for i, (key, stem) in pairs if key in chosen or stem in chosen]


def _hash(seed: int, stem: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{stem}".encode()).digest()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
