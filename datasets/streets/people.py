"""People on foot and on two wheels."""

from .canvas import Canvas
from .classes import MOTORCYCLE, PERSON, RIDER
from .styles import Material


def person(canvas: Canvas, x: float, z: float) -> None:
    """A standing or walking person."""
    rng = canvas.rng
    height = rng.uniform(1.5, 1.9)
    canvas.cast((x - 0.3, x + 0.3), (z - 0.1, z + 0.4))
    trousers = canvas.brush(PERSON, Material.TROUSERS, 1.0, z)
    stride = rng.uniform(0.02, 0.25)
    for side in (-1, 1):
        foot = x + side * (stride + 0.06)
        _limb(canvas, (x + side * 0.08, 0.5 * height, z), (foot, 0.0, z), 0.17, trousers)
    _torso(canvas, x, z, (0.45 * height, 0.84 * height), PERSON)
    _head(canvas, x, 0.92 * height, z, PERSON)


def cycle(canvas: Canvas, x: float, z: float, class_id: int, ridden: bool) -> None:
    """A bicycle or motorcycle, from the side or nearly from behind, with or without a rider.

    Args:
        canvas: the canvas to paint on.
        x, z: position, in metres.
        class_id: `BICYCLE` or `MOTORCYCLE`.
        ridden: whether it has a rider (class rider).
    """
    rng = canvas.rng
    heavy = class_id == MOTORCYCLE
    radius = 0.31 if heavy else 0.34
    # Half the visible distance between the wheels; parked ones often stand across.
    half = (0.68 if heavy else 0.54) * (rng.uniform(0.15, 0.4) if ridden else rng.uniform(0.3, 1))
    scale = canvas.camera.focal / z
    canvas.cast((x - half - 0.3, x + half + 0.3), (z - 0.1, z + 0.4))
    tyre = canvas.brush(class_id, Material.TYRE, 1.0, z)
    paint = canvas.brush(class_id, Material.CYCLE, 1.0, z)
    seen = max(0.35, half / 0.6) * radius * scale
    for side in (-1, 1):
        hub = canvas.camera.project(x + side * half, radius, z)
        if heavy:
            canvas.ellipse(hub, (seen, radius * scale), tyre)
        else:
            canvas.ring(hub, (seen, radius * scale), 0.07 * scale, tyre)
    if heavy:
        canvas.upright((x - half - 0.15, x + half + 0.1), (0.4, 0.85), z, paint)
        canvas.upright((x - half, x + 0.3 * half), (0.75, 0.95), z, tyre)
    else:
        saddle, crank, bar = (x - 0.4 * half, 0.85), (x, 0.3), (x + 0.75 * half, 0.95)
        for (x0, y0), (x1, y1) in (
            (saddle, crank),
            (crank, bar),
            (bar, saddle),
            ((x - half, radius), saddle),
            ((x + half, radius), bar),
        ):
            _limb(canvas, (x0, y0, z), (x1, y1, z), 0.08, paint)
    if ridden:
        trousers = canvas.brush(RIDER, Material.TROUSERS, 1.0, z)
        for side in (-1, 1):
            _limb(canvas, (x + 0.1 * side, 0.95, z), (x + 0.14 * side, 0.35, z), 0.16, trousers)
        _torso(canvas, x, z, (0.85, 1.5), RIDER)
        _head(canvas, x, 1.66, z, RIDER, helmet=heavy)


def _limb(
    canvas: Canvas,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    thickness: float,
    brush: int,
) -> None:
    ends = [canvas.camera.project(*start), canvas.camera.project(*end)]
    canvas.line(ends, thickness * canvas.camera.focal / start[2], brush)


def _torso(canvas: Canvas, x: float, z: float, ys: tuple[float, float], class_id: int) -> None:
    cloth = canvas.brush(class_id, Material.CLOTH, 1.0, z)
    wide = canvas.rng.uniform(0.19, 0.27)
    corners = (
        (x - 0.8 * wide, ys[0]),
        (x + 0.8 * wide, ys[0]),
        (x + wide, ys[1]),
        (x - wide, ys[1]),
    )
    canvas.polygon([canvas.camera.project(*corner, z) for corner in corners], cloth)


def _head(
    canvas: Canvas, x: float, y: float, z: float, class_id: int, helmet: bool = False
) -> None:
    material = Material.CYCLE if helmet else Material.SKIN
    radius = (0.15 if helmet else 0.12) * canvas.camera.focal / z
    head = canvas.brush(class_id, material, 1.0, z)
    canvas.ellipse(canvas.camera.project(x, y, z), (radius, 1.2 * radius), head)
