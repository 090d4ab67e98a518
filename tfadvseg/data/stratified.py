"""Splits and folds that each contain every class. No TensorFlow here."""

from collections import Counter, defaultdict
from collections.abc import Collection, Container, Mapping, Sequence

from tfadvseg.data.division import Indices, even_runs, seed_order
from tfadvseg.errors import UserError


def divide_stratified(
    keys: Sequence[str],
    classes: Sequence[Collection[int]],
    class_names: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, Indices]:
    """Draws splits from a seed so that each contains every class.

    1. Images are sorted by a hash of seed and key.
    2. Each split gets images until it contains every class, starting with the rarest class and the
       first suitable images; dead ends are resolved by backtracking.
    3. The others are distributed by strata (images that contain the same classes): each split takes
       its share of each stratum, up to rounding, until it has its size.

    Args:
        keys: keys of the examples.
        classes: class ids that each example contains.
        class_names: names of all classes; each split must contain each of them.
        fractions: share of the examples per split, except `train`, which gets the rest; their sum
            is less than 1. A split has at least the examples it needs to contain every class.
        seed: determines the splits.

    Returns:
        Ascending indices by split: `train` and those of `fractions`.

    Raises:
        UserError: a class occurs in too few images.
    """
    names = ["train", *fractions]
    order = seed_order(keys, seed)
    part_of = _cover(order, classes, class_names, names)
    rest = _deal(order, classes, part_of)
    taken = Counter(part_of.values())
    for part, fraction in fractions.items():
        for i in rest[: max(round(fraction * len(keys)) - taken[part], 0)]:
            part_of[i] = part
        rest = [i for i in rest if i not in part_of]
    return {
        name: [i for i in range(len(keys)) if part_of.get(i, "train") == name] for name in names
    }


def stratified_folds(
    keys: Sequence[str],
    classes: Sequence[Collection[int]],
    class_names: Sequence[str],
    folds: int,
    seed: int,
) -> list[Indices]:
    """Divides images into folds from a seed so that each contains every class.

    The algorithm is that of `divide_stratified` with equal shares. Sizes differ by at most one
    image, unless a fold needs more to contain every class.

    Args:
        keys, classes, class_names, seed: as for `divide_stratified`.
        folds: at least 2.

    Returns:
        Ascending indices of each fold.

    Raises:
        UserError: a class occurs in too few images.
    """
    names = [f"fold {number}" for number in range(folds)]
    order = seed_order(keys, seed)
    part_of = _cover(order, classes, class_names, names)
    rest = _deal(order, classes, part_of)
    taken = Counter(part_of.values())
    for name, run in zip(names, even_runs(len(keys), folds), strict=True):
        count = max(len(run) - taken[name], 0)
        part_of |= dict.fromkeys(rest[:count], name)
        rest = rest[count:]
    return [[i for i in range(len(keys)) if part_of.get(i) == name] for name in names]


def _cover(
    order: Sequence[int],
    classes: Sequence[Collection[int]],
    class_names: Sequence[str],
    parts: Sequence[str],
) -> dict[int, str]:
    """Assigns to splits just enough examples for each split to contain each class."""
    containing = [[i for i in order if c in classes[i]] for c in range(len(class_names))]
    for name, images in zip(class_names, containing, strict=True):
        if len(images) < len(parts):
            raise UserError(
                f"The class {name} occurs in {len(images)} of {len(order)} images, too few for "
                f"each of {', '.join(parts)}; give more such images, or smaller fractions."
            )
    by_rarity = sorted(range(len(class_names)), key=lambda c: len(containing[c]))
    needs = [(c, part) for c in by_rarity for part in parts]

    def fulfil(number: int, part_of: dict[int, str]) -> dict[int, str] | None:
        if number == len(needs):
            return part_of
        class_id, part = needs[number]
        if any(part_of.get(i) == part for i in containing[class_id]):
            return fulfil(number + 1, part_of)
        for i in containing[class_id]:
            if i not in part_of:
                found = fulfil(number + 1, {**part_of, i: part})
                if found is not None:
                    return found
        return None

    found = fulfil(0, {})
    if found is None:
        raise UserError(
            f"{len(order)} images cannot be split so that each of {', '.join(parts)} contains "
            f"every class ({', '.join(class_names)}); give more images."
        )
    return found


def _deal(
    order: Sequence[int], classes: Sequence[Collection[int]], taken: Container[int]
) -> Indices:
    """The remaining examples, ordered so that any range contains its share of each stratum."""
    strata: defaultdict[frozenset[int], Indices] = defaultdict(list)
    for i in order:
        if i not in taken:
            strata[frozenset(classes[i])].append(i)
    place = {
        i: (number + 0.5) / len(stratum)
        for stratum in strata.values()
        for number, i in enumerate(stratum)
    }
    return sorted(place, key=lambda i: place[i])
