"""Draws the training images whose labels are used. No TensorFlow here."""

from collections.abc import Sequence

from absl import logging

from tfadvseg.data.division import Indices, seed_order
from tfadvseg.data.examples import Examples, values_of
from tfadvseg.errors import UserError

_NAMED = 12
"""Largest number of drawn images that the log names."""


def draw_labelled(
    examples: Examples, count: int, class_names: Sequence[str], seed: int
) -> tuple[Examples, Examples]:
    """Draws images whose labels are used, so that they contain every class if possible.

    Images are ordered by a hash of seed and key. The fewest that contain every class come first,
    then the others in that order. So if two draws are large enough to contain every class, the
    larger one contains the smaller one.

    Args:
        examples: training images with labels.
        count: number of images to draw, at least 1.
        class_names: names of all classes.
        seed: a different seed draws different images.

    Returns:
        The drawn examples with their labels, and the others without labels, each in the order of
        `examples`. Logs a warning that names classes that only the others contain.

    Raises:
        UserError: there are fewer images.
    """
    assert examples.labels is not None
    if count > len(examples):
        raise UserError(
            f"--labelled_images={count}: only {len(examples)} training images have labels; give at "
            f"most {len(examples)}."
        )
    ids = range(len(class_names))
    held = [frozenset(values_of(label).tolist()).intersection(ids) for label in examples.labels]
    order = seed_order(examples.keys, seed)
    drawn = _cover(order, held, count)
    drawn += [i for i in order if i not in drawn][: count - len(drawn)]
    present = frozenset().union(*(held[i] for i in drawn))
    lacking = sorted(frozenset().union(*held) - present)
    if lacking:
        logging.warning(
            "--labelled_images=%d: none of these images contains %s; S cannot learn a class "
            "without labels. Give more images, or another --seed.",
            count,
            ", ".join(class_names[c] for c in lacking),
        )
    chosen = set(drawn)
    named = ", ".join(examples.keys[i] for i in sorted(chosen)[:_NAMED])
    logging.info(
        "Labels of %d of %d training images are used: %s%s.",
        count,
        len(examples),
        named,
        ", ..." if count > _NAMED else "",
    )
    others = examples.subset([i for i in range(len(examples)) if i not in chosen])
    return examples.subset(sorted(chosen)), Examples(others.keys, others.images, None)


def _cover(order: Sequence[int], held: Sequence[frozenset[int]], most: int) -> Indices:
    """At most `most` images that contain every class, or as many classes as possible.

    The union of classes grows image by image. Of the images that give the same union, the first in
    the order are kept; each step takes one that contains the rarest missing class.
    """
    first_of: dict[frozenset[int], int] = {}
    for i in order:
        first_of.setdefault(held[i], i)
    classes = frozenset().union(*held)
    by_rarity = sorted(classes, key=lambda c: (sum(c in each for each in held), c))
    unions: dict[frozenset[int], Indices] = {frozenset(): []}
    best: Indices = []
    most_classes = 0
    for _ in range(most):
        grown: dict[frozenset[int], Indices] = {}
        for union, images in unions.items():
            missing = next(c for c in by_rarity if c not in union)
            for contents, i in first_of.items():
                if missing in contents:
                    grown.setdefault(union | contents, [*images, i])
        for union, images in grown.items():
            if len(union) > most_classes:
                best, most_classes = images, len(union)
        if most_classes == len(classes):
            break
        unions = grown
    return best
