"""Vehicles with four or more wheels: boxes seen from behind or in front."""

from dataclasses import dataclass

from .canvas import Canvas, Point
from .classes import BUS, CAR, TRAIN, TRUCK
from .styles import Material


@dataclass(frozen=True)
class Place:
    """Position of a vehicle.

    Attributes:
        x: of its middle, in metres.
        z: of its near end, in metres.
        oncoming: whether its front faces the camera.
    """

    x: float
    z: float
    oncoming: bool


def _box(
    canvas: Canvas, place: Place, size: tuple[float, float], ys: Point, brush: int, start: float = 0
) -> float:
    """Paints a box of (width, length); returns the x of the visible side."""
    (wide, long), z = size, place.z + start
    inner = place.x - wide / 2 if place.x > canvas.camera.offset else place.x + wide / 2
    canvas.along(inner, ys, (z, z + long), canvas.shaded(brush, 0.75))
    if ys[1] < canvas.camera.height:
        xs = (place.x - wide / 2, place.x + wide / 2)
        canvas.flat(xs, ys[1], (z, z + long), canvas.shaded(brush, 1.15))
    canvas.upright((place.x - wide / 2, place.x + wide / 2), ys, z, brush)
    return inner


def _wheels(
    canvas: Canvas, place: Place, inner: float, size: tuple[float, float], class_id: int, r: float
) -> None:
    tyre = canvas.brush(class_id, Material.TYRE, 1.0, place.z)
    focal = canvas.camera.focal
    for share in (0.82, 0.18):
        z = place.z + share * size[1]
        # Foreshortened: wheels on the side face.
        near, far = (canvas.camera.project(inner, 0, z + d)[0] for d in (-r, r))
        half = max(abs(near - far) / 2, 0.6)
        canvas.ellipse(canvas.camera.project(inner, r, z), (half, r * focal / z), tyre)
    for side in (-1, 1):
        x = place.x + side * (size[0] / 2 - 0.22)
        canvas.upright((x - 0.12, x + 0.12), (0, 0.5 * r + 0.15), place.z, tyre)


def _lights(canvas: Canvas, place: Place, wide: float, y: float, class_id: int) -> None:
    material = Material.SIGN_FACE if place.oncoming else Material.TAIL_LIGHT
    brush = canvas.brush(class_id, material)
    for side in (-1, 1):
        x = place.x + side * (wide / 2 - 0.2)
        canvas.upright((x - 0.16, x + 0.16), (y - 0.09, y + 0.09), place.z, brush)


def _shadow(canvas: Canvas, place: Place, size: tuple[float, float]) -> None:
    half = size[0] / 2 + 0.25
    canvas.cast((place.x - half, place.x + half), (place.z - 0.3, place.z + size[1] + 0.3))


def car(canvas: Canvas, place: Place) -> None:
    """A saloon or estate."""
    rng = canvas.rng
    size = (rng.uniform(1.65, 1.9), rng.uniform(3.8, 4.8))
    waist, roof = rng.uniform(0.85, 1.0), rng.uniform(1.4, 1.75)
    _shadow(canvas, place, size)
    paint = canvas.brush(CAR, Material.CAR, 1.0, place.z)
    glass = canvas.brush(CAR, Material.GLASS, 1.0, place.z)
    # Cabin behind the bonnet or boot, then the body in front of it.
    back = rng.uniform(0.2, 0.9)
    wide = 0.86 * size[0]
    cabin = Place(place.x, place.z + back, place.oncoming)
    length = 0.55 * size[1]
    inner = _box(canvas, cabin, (wide, length), (waist, roof), paint)
    canvas.along(
        inner, (waist + 0.08, roof - 0.12), (cabin.z + 0.25, cabin.z + length - 0.2), glass
    )
    canvas.upright(
        (place.x - wide / 2 + 0.1, place.x + wide / 2 - 0.1),
        (waist + 0.05, roof - 0.12),
        cabin.z,
        glass,
    )
    inner = _box(canvas, place, size, (0.28, waist), paint)
    _wheels(canvas, place, inner, size, CAR, 0.32)
    _lights(canvas, place, size[0], 0.72, CAR)


def truck(canvas: Canvas, place: Place) -> None:
    """A cab and a high load space."""
    rng = canvas.rng
    size = (2.4, rng.uniform(6, 9))
    top = rng.uniform(2.9, 3.8)
    _shadow(canvas, place, size)
    paint = canvas.brush(TRUCK, Material.TRUCK, 1.0, place.z)
    load = canvas.brush(TRUCK, Material.TARPAULIN, 1.0, place.z)
    if place.oncoming:
        inner = _box(canvas, place, (2.4, size[1] - 2), (0.6, top), load, 2.0)
        _box(canvas, place, (2.3, 1.8), (0.5, 2.6), paint)
        glass = canvas.brush(TRUCK, Material.GLASS, 1.0, place.z)
        canvas.upright((place.x - 1.0, place.x + 1.0), (1.6, 2.4), place.z, glass)
    else:
        _box(canvas, place, (2.3, 1.8), (0.5, 2.6), paint, size[1] - 1.8)
        inner = _box(canvas, place, (2.4, size[1] - 2), (0.9, top), load)
        frame = canvas.shaded(paint, 0.6)
        canvas.upright((place.x - 1.2, place.x + 1.2), (0.5, 0.95), place.z, frame)
        canvas.upright((place.x - 0.03, place.x + 0.03), (0.95, top), place.z, frame)
    _wheels(canvas, place, inner, size, TRUCK, 0.5)
    _lights(canvas, place, 2.4, 0.75, TRUCK)


def bus(canvas: Canvas, place: Place) -> None:
    """A long box with a band of windows."""
    _long_vehicle(canvas, place, BUS, Material.BUS, (2.5, canvas.rng.uniform(9, 12)), 3.1)


def train(canvas: Canvas, place: Place) -> None:
    """A tram, in the road as trams are."""
    _long_vehicle(canvas, place, TRAIN, Material.TRAIN, (2.5, canvas.rng.uniform(20, 30)), 3.6)
    # The current collector's arm and a destination display.
    display = canvas.brush(TRAIN, Material.LAMP, 1.0)
    canvas.upright((place.x - 0.7, place.x + 0.7), (3.0, 3.3), place.z, display)


def _long_vehicle(
    canvas: Canvas,
    place: Place,
    class_id: int,
    material: Material,
    size: tuple[float, float],
    top: float,
) -> None:
    _shadow(canvas, place, size)
    paint = canvas.brush(class_id, material, 1.0, place.z)
    glass = canvas.brush(class_id, Material.GLASS, 1.0, place.z)
    bottom = 0.35 if class_id == BUS else 0.15
    inner = _box(canvas, place, size, (bottom, top), paint)
    for number in range(int(size[1] / 1.6)):
        z = place.z + 0.3 + 1.6 * number
        canvas.along(inner, (1.4, 2.5), (z, z + 1.3), glass)
    canvas.upright((place.x - 1.1, place.x + 1.1), (1.3, 2.6), place.z, glass)
    if class_id == BUS:
        _wheels(canvas, place, inner, size, class_id, 0.48)
    else:
        skirt = canvas.shaded(paint, 0.5)
        canvas.upright((place.x - 1.25, place.x + 1.25), (bottom, 0.6), place.z, skirt)
    _lights(canvas, place, size[0], 0.9, class_id)
