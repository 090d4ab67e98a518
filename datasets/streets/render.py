"""Conversion of painted surfaces to a picture, either clean or as a camera takes it."""

import numpy as np
from PIL import ImageDraw
from scipy import ndimage

from tfadvseg_datasets.membranes.fields import smooth_noise

from .canvas import Canvas
from .classes import SKY, VOID
from .styles import Material


def render(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Renders the finished scene.

    Returns:
        image: uint8 [h, w, 3], RGB.
        label: uint8 [h, w], training ids or 255.
    """
    if canvas.style.bonnet:
        _bonnet(canvas)
    surface = np.array(canvas.index)
    label = np.array(canvas.classes, np.uint8)[surface]
    image = np.array(canvas.colours, np.float32)[surface]
    height = label.shape[0]
    # The sky changes from haze at the horizon to its own colour above.
    up = np.clip(1 - np.arange(height) / max(canvas.camera.centre[1], 1), 0, 1)
    zenith = np.array(canvas.style.zenith, np.float32)
    blend = image + up[:, None, None].astype(np.float32) * (zenith - image)
    image = np.where((label == SKY)[..., None], blend, image)
    shadow = np.array(canvas.shadow, np.float32) / 255
    if canvas.style.photographic:
        image = _photograph(canvas, image, surface, label, shadow)
    else:
        image *= 1 - 0.35 * (shadow * _on_ground(label))[..., None]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), label


def _on_ground(label: np.ndarray) -> np.ndarray:
    """1.0 where a shadow can fall: road, sidewalk, terrain."""
    return np.isin(label, (0, 1, 9)).astype(np.float32)


def _bonnet(canvas: Canvas) -> None:
    """Paints the bonnet of the camera's own car at the lower edge, labelled void."""
    width, height = canvas.index.size
    brush = canvas.brush(VOID, Material.BONNET)
    rise = canvas.rng.uniform(0.05, 0.12) * height
    box = (-0.1 * width, height - rise, 1.1 * width, height + 3 * rise)
    ImageDraw.Draw(canvas.index).ellipse(box, fill=brush)


def _photograph(
    canvas: Canvas,
    image: np.ndarray,
    surface: np.ndarray,
    label: np.ndarray,
    shadow: np.ndarray,
) -> np.ndarray:
    """Applies texture, light, lens and sensor; returns float32 [h, w, 3]."""
    rng = canvas.rng
    size = (label.shape[0], label.shape[1])
    unit = max(size[0] / 128, 0.5)
    fine, coarse = np.array(canvas.textures, np.float32)[surface].transpose(2, 0, 1)
    texture = fine * rng.standard_normal(size, dtype=np.float32)
    texture += coarse * smooth_noise(rng, size, max(5 * unit, 1))
    image = image + texture[..., None]
    # Light: shade below objects and along one side of the street, and slow variations.
    strength = rng.uniform(0.25, 0.5)
    light = 1 - strength * ndimage.gaussian_filter(shadow, 1.2 * unit) * _on_ground(label)
    if rng.random() < 0.5:
        light *= 1 - rng.uniform(0.15, 0.4) * _shaded_side(canvas, size, unit) * (label != SKY)
    light *= 1 + 0.07 * smooth_noise(rng, size, 50 * unit)
    image = image * light[..., None].astype(np.float32)
    # Lens: blur and darker corners.
    blur = rng.uniform(0.45, 0.8) * unit
    image = ndimage.gaussian_filter(image, (blur, blur, 0))
    rows = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, size[1], dtype=np.float32)[None, :]
    corners = 1 - rng.uniform(0.05, 0.2) * (rows**2 + columns**2) / 2
    # Sensor: exposure, white balance, tone curve, noise.
    exposure = rng.uniform(0.8, 1.05)
    balance = np.array([1.05, 1.0, 0.93], np.float32) * rng.normal(1, 0.02, 3).astype(np.float32)
    image = np.clip(image * corners[..., None] * exposure * balance / 255, 0, 1)
    image = 255 * image ** rng.uniform(0.9, 1.15)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    return image + rng.uniform(1.5, 4) * noise * np.sqrt(0.4 + image / 200)


def _shaded_side(canvas: Canvas, size: tuple[int, int], unit: float) -> np.ndarray:
    """1 in the shade of one side's houses, 0 in the sun; float32 [h, w]."""
    rng = canvas.rng
    column, row = canvas.camera.centre
    rows = np.arange(size[0], dtype=np.float32)[:, None]
    columns = np.arange(size[1], dtype=np.float32)[None, :]
    edge = column + rng.uniform(-1.5, 1.5) * np.maximum(rows - row, 0)
    side = 1 if rng.random() < 0.5 else -1
    return 1 / (1 + np.exp(np.clip(-side * (columns - edge) / (1.5 * unit), -30, 30)))
