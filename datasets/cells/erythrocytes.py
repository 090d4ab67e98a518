"""Red blood cells of a synthetic darkfield image: outlines, and the light that they scatter."""

import math
from dataclasses import dataclass

import numpy as np

from tfadvseg_datasets.membranes.fields import Field, smooth_noise, soft_step

Window = tuple[slice, slice]

FAINTEST = 0.45
"""Light at the rim of the faintest labelled cell; unlabelled ghosts stay well below."""


@dataclass(frozen=True)
class Erythrocyte:
    """One red blood cell, or the ghost of one.

    Attributes:
        centre: (y, x), in pixels.
        radius: mean distance from the centre to the outline, in pixels.
        rim: light at the outline; 1 is about two thirds of the camera's saturation.
        body: light inside.
        waves: deviations of the outline from a circle: (waves around, share of the radius, phase).
        ghost: a burst, nearly empty cell, which counts as background.
    """

    centre: tuple[float, float]
    radius: float
    rim: float
    body: float
    waves: tuple[tuple[int, float, float], ...]
    ghost: bool = False


def place_erythrocytes(
    rng: np.random.Generator, size: tuple[int, int], radius: float
) -> list[Erythrocyte]:
    """Scatters cells over an image: few or many, of one or several kinds, apart or overlapping.

    Args:
        rng: source of random choices.
        size: (height, width), in pixels.
        radius: typical radius of a cell, in pixels.
    """
    cover = min(float(rng.lognormal(math.log(0.11), 0.65)), 0.6)
    expected = cover * size[0] * size[1] / (math.pi * radius**2)
    closeness = float(rng.choice([0.95, 0.6], p=[0.6, 0.4]))  # below 1, outlines overlap
    filled, crenated = rng.uniform(0, 0.7), rng.uniform(0, 0.5)
    cells: list[Erythrocyte] = []
    for _ in range(1 + rng.poisson(expected)):
        for _ in range(8):
            centre = (float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1])))
            size_here = radius * float(np.clip(rng.lognormal(0, 0.14), 0.6, 1.5))
            if all(math.dist(centre, c.centre) > closeness * (size_here + c.radius) for c in cells):
                cells.append(_erythrocyte(rng, centre, size_here, filled, crenated))
                break
    return cells


def _erythrocyte(
    rng: np.random.Generator,
    centre: tuple[float, float],
    radius: float,
    filled: float,
    crenated: float,
) -> Erythrocyte:
    kind = rng.uniform()
    rim = float(rng.uniform(FAINTEST, 1.7))
    body = float(rng.uniform(0.03, 0.3))
    if kind < filled:  # thick: it scatters light all over
        rim, body = rim + 0.8, float(rng.uniform(1.0, 3.5))
    oval, lobe = float(rng.gamma(1.2, 0.045)), float(rng.gamma(1.2, 0.02))
    waves = [(2, min(oval, 0.3), _phase(rng)), (3, min(lobe, 0.12), _phase(rng))]
    if rng.uniform() < crenated:
        waves.append((int(rng.integers(9, 16)), float(rng.uniform(0.03, 0.07)), _phase(rng)))
    return Erythrocyte(centre, radius, rim, body, tuple(waves))


def place_ghosts(
    rng: np.random.Generator, size: tuple[int, int], radius: float
) -> list[Erythrocyte]:
    """A few burst cells that have lost nearly all their content: faint rings.

    Args:
        rng, size, radius: as for `place_erythrocytes`.
    """
    ghosts = []
    for _ in range(rng.poisson(size[0] * size[1] / 30000)):
        centre = (float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1])))
        waves = ((2, float(rng.uniform(0, 0.1)), _phase(rng)),)
        ghost_radius = radius * float(rng.uniform(0.7, 1.1))
        rim = float(rng.uniform(0.06, 0.16))
        ghosts.append(Erythrocyte(centre, ghost_radius, rim, 0.02, waves, ghost=True))
    return ghosts


def draw_erythrocyte(
    rng: np.random.Generator, cell: Erythrocyte, size: tuple[int, int]
) -> tuple[Window, Field, np.ndarray]:
    """The light of one cell, without the halo added by the optics.

    Args:
        rng: source of its texture.
        cell: the cell to draw.
        size: (height, width) of the image, in pixels.

    Returns:
        window: the part [h, w] of the image that `light` and `inside` cover.
        light: float32 [h, w], 0 or more.
        inside: bool [h, w], the cell including its rim.
    """
    reach = math.ceil(1.45 * cell.radius) + 6
    y, x = (math.floor(c) for c in cell.centre)
    window = (
        slice(max(y - reach, 0), min(y + reach + 1, size[0])),
        slice(max(x - reach, 0), min(x + reach + 1, size[1])),
    )
    rows, columns = np.ogrid[window]
    dy = (rows - cell.centre[0]).astype(np.float32)
    dx = (columns - cell.centre[1]).astype(np.float32)
    angle = np.arctan2(dy, dx)
    outline = np.full(angle.shape, 1, np.float32)
    for times, share, phase in cell.waves:
        outline += share * np.cos(times * angle + phase)
    inward = cell.radius * outline - np.hypot(dy, dx)  # about the distance to the outline
    around = 1 + 0.35 * np.cos(angle + _phase(rng)) + 0.25 * np.cos(3 * angle + _phase(rng))
    width = rng.uniform(1.0, 1.6) + 0.03 * cell.radius
    light = cell.rim * around * np.exp(-np.square(inward / width))
    texture = np.exp(0.5 * smooth_noise(rng, angle.shape, max(0.22 * cell.radius, 1)))
    within = soft_step(inward - 1, 0.6)
    light += cell.body * within * texture
    if not cell.ghost and rng.uniform() < 0.5:
        light += _inner_fold(rng, cell, dy, dx) * within
    return window, np.maximum(light, 0).astype(np.float32), inward > -1.2


def _inner_fold(rng: np.random.Generator, cell: Erythrocyte, dy: Field, dx: Field) -> Field:
    """The rim of the dimple in the middle of a red cell: a bright ring or crescent."""
    shift = rng.normal(0, 0.12 * cell.radius, 2)
    distance = np.hypot(dy - shift[0], dx - shift[1])
    ring = np.exp(-np.square((distance - rng.uniform(0.25, 0.65) * cell.radius) / 1.7))
    side = np.cos(np.arctan2(dy, dx) + _phase(rng))
    return rng.uniform(0.1, 0.9) * ring * soft_step(side + rng.uniform(-0.5, 1.5), 0.15)


def _phase(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, 2 * math.pi))
