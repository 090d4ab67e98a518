"""Synthetic darkfield images of blood with spirochaetes.

A procedure, not data: every pixel is a function of a seed, an index and a size. Objects scatter
light onto a dark field: round cells with bright rims, some saturated, some overlapping, with halos;
thin undulating spirochaetes, some attached to cells, about 1 % of the pixels and absent from more
than a fifth of the images; and unlabelled debris and burst cells that resemble either class.
Magnification, tint, exposure and blur vary between images. Brightness and class shares are close to
those of the Kaggle set "Bacteria detection with darkfield microscopy" (86 / 13 / 1 %).
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import ndimage

from tfadvseg_datasets.darkfield.classes import BACKGROUND, RED_BLOOD_CELL, SPIROCHAETE
from tfadvseg_datasets.membranes.fields import Field, smooth_noise

from .erythrocytes import draw_erythrocyte, place_erythrocytes, place_ghosts
from .threads import STEP, place_debris, place_spirochaetes, splat, thick_lines

DEFAULT_SIZE = (256, 256)
DEFAULT_COUNTS = {"train": 40, "validation": 10, "test": 10}
"""Number of images per split in the default set."""

_FIRST_INDEX = {
    "train": 0,
    "validation": 1_000_000,
    "test": 2_000_000,
}  # far apart, so that splits never share an image

MARGIN = 24
"""Pixels generated around an image and cut off, so that its border looks like its inside."""


def generate_split(
    seed: int, split: str, numbers: Iterable[int], size: tuple[int, int] = DEFAULT_SIZE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Generates chosen images of a split with `generate_image`.

    Args:
        seed: of the whole set.
        split: `train`, `validation` or `test`.
        numbers: the images, counted from 0 in each split.
        size: (height, width), in pixels.
    """
    for number in numbers:
        yield generate_image(seed, _FIRST_INDEX[split] + number, size)


def generate_image(
    seed: int, index: int, size: tuple[int, int] = DEFAULT_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Generates one image and its label.

    Args:
        seed: of the whole set, 0 or more.
        index: of the image in the set, 0 or more.
        size: (height, width), in pixels.

    Returns:
        image: uint8 [h, w, 3], RGB.
        label: uint8 [h, w], `BACKGROUND`, `RED_BLOOD_CELL` or `SPIROCHAETE`.

    Raises:
        ValueError: a size below 1, or a negative seed or index.
    """
    if min(size) < 1:
        raise ValueError(f"size={size}: height and width must be at least 1.")
    if seed < 0 or index < 0:
        raise ValueError(f"seed={seed}, index={index}: must not be negative.")
    rng = np.random.default_rng((seed, index))
    padded = (size[0] + 2 * MARGIN, size[1] + 2 * MARGIN)
    scale = float(rng.lognormal(0, 0.3))
    radius = float(np.clip(17 * scale, 9, 40))
    kind = rng.uniform()
    cells = place_erythrocytes(rng, padded, radius) if kind > 0.05 else []
    threads = place_spirochaetes(rng, padded, cells, scale) if kind < 0.8 else []
    tint = _tint(rng)
    light = np.zeros((*padded, 3), dtype=np.float32)
    label = np.full(padded, BACKGROUND, dtype=np.uint8)
    label[thick_lines(threads, padded, 2.3 * math.sqrt(scale))] = SPIROCHAETE
    light += _thread_light(rng, threads, padded, scale)[:, :, None] * _varied(rng, tint)
    light += _debris_light(rng, padded)[:, :, None] * _varied(rng, tint)
    for cell in [*place_ghosts(rng, padded, radius), *cells]:
        window, glow, inside = draw_erythrocyte(rng, cell, padded)
        light[window] += glow[:, :, None] * _varied(rng, tint)
        if not cell.ghost:
            label[window][inside] = RED_BLOOD_CELL
    image = _photograph(rng, light, tint)
    inner = np.s_[MARGIN : MARGIN + size[0], MARGIN : MARGIN + size[1]]
    return image[inner], label[inner]


def _tint(rng: np.random.Generator) -> np.ndarray:
    """Colour of scattered light, float32 [3]: mostly bluish, because short waves scatter more."""
    warm = rng.uniform() < 0.1
    colour = (1.0, 1.05, 0.6) if warm else (0.72, 0.92, 1.15)
    return (np.array(colour) * np.exp(rng.normal(0, 0.08, 3))).astype(np.float32)


def _varied(rng: np.random.Generator, tint: np.ndarray) -> np.ndarray:
    """Tint of a single object."""
    return (tint * np.exp(rng.normal(0, 0.07, 3))).astype(np.float32)


def _thread_light(
    rng: np.random.Generator, threads: list[np.ndarray], size: tuple[int, int], scale: float
) -> Field:
    """Light of spirochaetes; a fifth of them look like a string of beads."""
    if not threads:
        return np.zeros(size, dtype=np.float32)
    weights = []
    for line in threads:
        waver = np.exp(0.3 * rng.normal() + 0.25 * np.sin(np.arange(len(line)) / rng.uniform(4, 9)))
        if rng.uniform() < 0.2:
            period = rng.uniform(4, 7) * scale / STEP
            waver *= 1 + np.cos(2 * math.pi * np.arange(len(line)) / period)
        weights.append(rng.uniform(0.3, 1.0) * waver)
    sigma = 0.8 + 0.35 * scale
    lines = splat(np.concatenate(threads), np.concatenate(weights), size)
    return ndimage.gaussian_filter(lines, sigma) * (STEP * sigma * math.sqrt(2 * math.pi))


def _debris_light(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Light of debris, in and out of focus."""
    light = np.zeros(size, dtype=np.float32)
    for sigma, gain in ((0.8, 4.0), (1.3, 7.0), (3.5, 6.0)):
        pieces = place_debris(rng, size)
        if not pieces:
            continue
        points = np.concatenate([points for points, _ in pieces])
        weights = np.concatenate(
            [np.full(len(points), brightness / len(points)) for points, brightness in pieces]
        )
        light += gain * ndimage.gaussian_filter(splat(points, weights, size), sigma)
    return light


def _photograph(rng: np.random.Generator, light: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """Applies optics and camera to the light; returns uint8 [h, w, 3]."""
    size = light.shape[:2]
    sharp = rng.uniform(0.4, 1.0)
    seen = ndimage.gaussian_filter(light, (sharp, sharp, 0), truncate=3)
    # Halos are computed from brightness only, which costs a third of the time.
    grey = light.mean(axis=2)
    near, far = rng.uniform(2.5, 4.5), rng.uniform(8, 14)
    halo = rng.uniform(0.04, 0.2) * ndimage.gaussian_filter(grey, near, truncate=3)
    halo += rng.uniform(0.02, 0.13) * ndimage.gaussian_filter(grey, far, truncate=3)
    # Light scattered outside the plane of focus brightens the dark field slightly.
    halo += rng.uniform(0.02, 0.1) * np.exp(0.25 * smooth_noise(rng, size, 90))
    fog = tint * (0.8, 1.0, 1.25) * np.exp(rng.normal(0, 0.12, 3))
    seen += halo[:, :, None] * fog.astype(np.float32)
    values = 255 * (1 - np.exp(-rng.uniform(0.9, 1.5) * seen))
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    values += rng.uniform(1.5, 4) * np.sqrt(0.4 + values / 120) * noise
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
