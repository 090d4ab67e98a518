"""Synthetic street scenes in two domains, with the 19 classes of Cityscapes.

A procedure, not data: every pixel is a function of a seed, an index, a size and a domain. Ground,
buildings, walls, fences, vegetation, street furniture, people and vehicles stand along a straight
road in one-point perspective. `game` is flat, saturated and clean; `camera` has other colours,
texture, light, blur and noise, and a different composition.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, get_args

import numpy as np

from .canvas import Camera, Canvas
from .classes import BICYCLE, MOTORCYCLE
from .furniture import clutter, street_lamp, traffic_light, traffic_sign, tree
from .people import cycle, person
from .render import render
from .roadside import paint_backdrop, paint_ground, paint_side
from .styles import CAMERA, GAME, Range, Style
from .vehicles import Place, bus, car, train, truck

Domain = Literal["game", "camera"]

DEFAULT_SIZE = (128, 256)
DEFAULT_COUNTS = {"train": 400, "validation": 50, "test": 50}
"""Number of scenes per split in the default set of a domain."""

_FIRST_INDEX = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
_DOMAIN_KEY: dict[Domain, int] = {"game": 0, "camera": 1}

_RARE: tuple[tuple[float, Callable[[Canvas, Place], None]], ...] = (
    (0.16, truck),
    (0.14, bus),
    (0.09, train),
)
"""Probability of each in a scene."""


def generate_split(
    seed: int,
    split: str,
    numbers: Iterable[int],
    size: tuple[int, int] = DEFAULT_SIZE,
    domain: Domain = "game",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Generates chosen scenes of a split with `generate_scene`.

    Args:
        seed: of the whole set.
        split: `train`, `validation` or `test`.
        numbers: the scenes, counted from 0 in each split.
        size: (height, width), in pixels.
        domain: `game` or `camera`.
    """
    for number in numbers:
        yield generate_scene(seed, _FIRST_INDEX[split] + number, size, domain)


def generate_scene(
    seed: int, index: int, size: tuple[int, int] = DEFAULT_SIZE, domain: Domain = "game"
) -> tuple[np.ndarray, np.ndarray]:
    """Generates one scene and its label. Scenes of two domains with one index are unrelated.

    Args:
        seed: of the whole set, 0 or more.
        index: of the scene in the set, 0 or more.
        size: (height, width), in pixels.
        domain: `game` or `camera`.

    Returns:
        image: uint8 [h, w, 3], RGB.
        label: uint8 [h, w], Cityscapes' training ids, or 255 for void.

    Raises:
        ValueError: a size below 8, a negative seed or index, or an unknown domain.
    """
    if min(size) < 8:
        raise ValueError(f"size={size}: height and width must be at least 8.")
    if seed < 0 or index < 0:
        raise ValueError(f"seed={seed}, index={index}: must not be negative.")
    if domain not in _DOMAIN_KEY:
        raise ValueError(f"domain={domain}: must be one of {', '.join(get_args(Domain))}.")
    rng = np.random.default_rng((seed, index, _DOMAIN_KEY[domain]))
    style = GAME if domain == "game" else CAMERA
    return render(_compose(rng, style, size))


def _compose(rng: np.random.Generator, style: Style, size: tuple[int, int]) -> Canvas:
    """Paints a whole scene, from far to near."""

    def between(limits: Range) -> float:
        return rng.uniform(*limits)

    height, width = size
    road = between(style.road)
    camera = Camera(
        focal=between(style.focal) * width,
        centre=(rng.normal(0.5, 0.05) * width, between(style.horizon) * height),
        height=between(style.camera_height),
        offset=rng.uniform(0.0, 0.3) * road,
    )
    canvas = Canvas(size, camera, style, rng)
    walks = (rng.uniform(2.2, 6.0), rng.uniform(2.2, 6.0))
    paint_ground(canvas, road, walks)
    paint_backdrop(canvas)
    for side, walk in zip((-1, 1), walks, strict=True):
        paint_side(canvas, side, road + walk + 0.2, between(style.urban))
    things = _sidewalk_things(rng, style, road, walks) + _traffic(rng, style, road)
    for _, paint in sorted(things, key=lambda thing: -thing[0]):
        paint(canvas)
    return canvas


Thing = tuple[float, Callable[[Canvas], None]]
"""Distance in metres, and the function that paints it."""


def _thing(paint: Callable[..., None], z: float, *arguments: object) -> Thing:
    return z, lambda canvas: paint(canvas, *arguments)


def _sidewalk_things(
    rng: np.random.Generator, style: Style, road: float, walks: tuple[float, float]
) -> list[Thing]:
    things = []
    for side, walk in zip((-1, 1), walks, strict=True):
        kerb = side * (road + 0.5)
        inner = functools.partial(rng.uniform, 0.8, walk)

        def somewhere(low: float = 4, high: float = 60) -> float:
            # Uniform in the picture, not in space, because otherwise all would be far away.
            return 1 / rng.uniform(1 / high, 1 / low)

        if rng.random() < rng.uniform(*style.trees):
            pitch = rng.uniform(7, 16)
            start = rng.uniform(5, 12)
            for number in range(6):
                z = start + pitch * number
                things.append(_thing(tree, z, kerb + side * 0.3, z))
        for paint, mean in ((street_lamp, 1.6), (traffic_sign, 1.5), (traffic_light, 0.5)):
            for _ in range(rng.poisson(mean)):
                z = somewhere(8, 45)
                things.append(_thing(paint, z, kerb, z))
        for _ in range(rng.poisson(7 * rng.uniform(*style.pedestrians))):
            z = somewhere(5)
            things.append(_thing(person, z, side * (road + inner()), z))
        for class_id, mean in ((BICYCLE, 0.7), (MOTORCYCLE, 0.3)):
            for _ in range(rng.poisson(mean)):
                z = somewhere(5, 30)
                things.append(_thing(cycle, z, kerb, z, class_id, False))
        for _ in range(rng.poisson(0.4)):
            z = somewhere(6, 40)
            things.append(_thing(clutter, z, side * (road + inner()), z))
    return things


def _traffic(rng: np.random.Generator, style: Style, road: float) -> list[Thing]:
    """Parked and moving vehicles, riders, and people who cross the road."""
    things = []
    lanes = (-0.45 * road, 0.45 * road)
    free = {-1: rng.uniform(8, 25), 1: rng.uniform(8, 25)}

    def drive(paint: Callable[[Canvas, Place], None], length: float) -> None:
        side = -1 if rng.random() < 0.55 else 1
        z = free[side]
        free[side] = z + length + rng.uniform(4, 25)
        x = lanes[(side + 1) // 2] + rng.normal(0, 0.2)
        things.append(_thing(paint, z, Place(x, z, side < 0)))

    for chance, paint in _RARE:
        if rng.random() < chance:
            drive(paint, 11)
    for _ in range(rng.poisson(2.2)):
        drive(car, 4.5)
    for side in (-1, 1):
        density = rng.uniform(*style.parked)
        z = rng.uniform(4, 9)
        while z < 70:
            if rng.random() < density:
                place = Place(side * (road - 1.0), z, side < 0)
                things.append(_thing(car, z, place))
            z += rng.uniform(5.2, 6.5)
    for class_id, mean in ((BICYCLE, 0.5), (MOTORCYCLE, 0.2)):
        for _ in range(rng.poisson(mean)):
            z, x = rng.uniform(6, 25), rng.uniform(-0.75, 0.75) * road
            things.append(_thing(cycle, z, x, z, class_id, True))
    for _ in range(rng.poisson(0.4)):
        z = rng.uniform(8, 30)
        things.append(_thing(person, z, rng.uniform(-1, 1) * road, z))
    return things
