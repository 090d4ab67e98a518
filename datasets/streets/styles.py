"""The two domains: how each composes a street and what colours things have in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

Colour = tuple[int, int, int]
Range = tuple[float, float]


class Material(Enum):
    """What a surface is made of; the style says what that looks like."""

    SKY = auto()
    ROAD = auto()
    MARKING = auto()
    SIDEWALK = auto()
    KERB = auto()
    GRASS = auto()
    FACADE = auto()
    WINDOW = auto()
    WALL = auto()
    FENCE = auto()
    METAL = auto()
    HOUSING = auto()
    LAMP = auto()
    SIGN = auto()
    SIGN_FACE = auto()
    FOLIAGE = auto()
    TRUNK = auto()
    SKIN = auto()
    CLOTH = auto()
    TROUSERS = auto()
    CAR = auto()
    TRUCK = auto()
    TARPAULIN = auto()
    BUS = auto()
    TRAIN = auto()
    CYCLE = auto()
    GLASS = auto()
    TYRE = auto()
    TAIL_LIGHT = auto()
    BONNET = auto()
    CLUTTER = auto()


@dataclass(frozen=True)
class Look:
    """A material's look.

    Attributes:
        colours: RGB, 0-255; each surface takes one.
        spread: standard deviation of what is added to it a surface and channel.
        fine, coarse: standard deviation of texture over about 1 and 6 pixels, in grey levels.
    """

    colours: tuple[Colour, ...]
    spread: float = 5
    fine: float = 0
    coarse: float = 0


@dataclass(frozen=True)
class Style:
    """A domain.

    Attributes:
        looks: of all materials.
        haze: RGB that far surfaces fade into; visibility: in metres.
        zenith: RGB that the sky turns to upwards.
        focal: range of the focal length, in image widths.
        horizon: range of the vanishing point's row, in image heights.
        camera_height, road: ranges of the camera's height and half the road's width, in metres.
        urban, parked, pedestrians, trees: ranges of the share of buildings along the road, and of
            how densely things stand, 0 to 1.
        bonnet: whether the car that carries the camera is in the picture (labelled void).
        photographic: light, blur, noise and colour cast of a camera; else clean flat shading.
    """

    looks: Mapping[Material, Look]
    haze: Colour
    visibility: float
    zenith: Colour
    focal: Range
    horizon: Range
    camera_height: Range
    road: Range
    urban: Range
    parked: Range
    pedestrians: Range
    trees: Range
    bonnet: bool
    photographic: bool


GAME = Style(
    looks={
        Material.SKY: Look(((150, 205, 255),), 4),
        Material.ROAD: Look(((78, 80, 96), (90, 90, 104)), 3),
        Material.MARKING: Look(((250, 245, 190), (250, 210, 40)), 3),
        Material.SIDEWALK: Look(((205, 180, 165), (190, 170, 175)), 4),
        Material.KERB: Look(((235, 225, 215),), 3),
        Material.GRASS: Look(((120, 200, 60), (190, 190, 80)), 8),
        Material.FACADE: Look(
            ((225, 150, 90), (205, 90, 80), (120, 150, 205), (235, 215, 150), (160, 130, 190)), 12
        ),
        Material.WINDOW: Look(((60, 95, 150), (90, 150, 200)), 8),
        Material.WALL: Look(((170, 120, 200), (190, 130, 150)), 6),
        Material.FENCE: Look(((150, 90, 40), (170, 110, 60)), 6),
        Material.METAL: Look(((110, 120, 130),), 5),
        Material.HOUSING: Look(((35, 35, 20),), 4),
        Material.LAMP: Look(((255, 40, 30), (60, 255, 90), (255, 190, 0)), 3),
        Material.SIGN: Look(((230, 20, 30), (20, 60, 220), (250, 200, 0)), 5),
        Material.SIGN_FACE: Look(((250, 250, 250),), 3),
        Material.FOLIAGE: Look(((40, 150, 40), (70, 175, 40), (30, 125, 55)), 8),
        Material.TRUNK: Look(((120, 75, 35),), 6),
        Material.SKIN: Look(((240, 190, 150), (150, 100, 70)), 6),
        Material.CLOTH: Look(((230, 60, 160), (250, 230, 60), (60, 220, 220), (240, 110, 40)), 12),
        Material.TROUSERS: Look(((50, 60, 150), (80, 50, 110)), 8),
        Material.CAR: Look(
            ((215, 25, 30), (25, 60, 220), (245, 205, 30), (240, 240, 245), (30, 170, 110)), 10
        ),
        Material.TRUCK: Look(((235, 120, 20), (60, 190, 220)), 8),
        Material.TARPAULIN: Look(((240, 235, 225), (245, 160, 60)), 8),
        Material.BUS: Look(((250, 190, 20), (30, 160, 90)), 8),
        Material.TRAIN: Look(((200, 30, 90), (40, 190, 180)), 8),
        Material.CYCLE: Look(((210, 30, 60), (40, 40, 190)), 10),
        Material.GLASS: Look(((40, 60, 95),), 5),
        Material.TYRE: Look(((20, 20, 25),), 3),
        Material.TAIL_LIGHT: Look(((255, 30, 30),), 3),
        Material.BONNET: Look(((60, 60, 70),), 3),
        Material.CLUTTER: Look(((60, 110, 80), (200, 80, 20)), 10),
    },
    haze=(190, 215, 245),
    visibility=400,
    zenith=(60, 130, 235),
    focal=(0.62, 0.8),
    horizon=(0.38, 0.46),
    camera_height=(1.5, 2.3),
    road=(4.5, 7.0),
    urban=(0.2, 0.9),
    parked=(0.05, 0.4),
    pedestrians=(0.1, 0.6),
    trees=(0.2, 0.7),
    bonnet=False,
    photographic=False,
)

CAMERA = Style(
    looks={
        Material.SKY: Look(((182, 204, 228), (190, 206, 220)), 6, 0.5, 2),
        Material.ROAD: Look(((100, 99, 98), (90, 90, 93)), 4, 3, 3),
        Material.MARKING: Look(((190, 188, 180),), 8, 6, 6),
        Material.SIDEWALK: Look(((164, 150, 140), (150, 144, 142)), 5, 5, 4),
        Material.KERB: Look(((160, 156, 150),), 6, 6, 3),
        Material.GRASS: Look(((116, 142, 70), (138, 136, 80)), 7, 7, 6),
        Material.FACADE: Look(
            ((178, 144, 112), (150, 104, 92), (132, 142, 164), (188, 172, 142), (142, 130, 148)),
            9,
            4,
            5,
        ),
        Material.WINDOW: Look(((60, 72, 92), (88, 112, 134)), 9, 4, 6),
        Material.WALL: Look(((134, 114, 138), (144, 118, 118)), 7, 6, 6),
        Material.FENCE: Look(((116, 86, 60), (124, 98, 76)), 7, 7, 4),
        Material.METAL: Look(((92, 92, 90), (122, 122, 120)), 8, 4, 3),
        Material.HOUSING: Look(((34, 38, 36),), 5, 3, 2),
        Material.LAMP: Look(((220, 90, 70), (110, 200, 150), (220, 180, 90)), 8, 2, 2),
        Material.SIGN: Look(((190, 44, 46), (44, 70, 160), (210, 176, 60)), 9, 3, 3),
        Material.SIGN_FACE: Look(((206, 204, 198),), 6, 3, 3),
        Material.FOLIAGE: Look(((68, 100, 50), (84, 112, 54), (56, 86, 50)), 7, 9, 8),
        Material.TRUNK: Look(((74, 66, 56),), 6, 8, 4),
        Material.SKIN: Look(((176, 142, 124), (108, 82, 68)), 8, 3, 3),
        Material.CLOTH: Look(
            ((128, 60, 98), (150, 138, 70), (62, 120, 124), (142, 84, 56)), 12, 4, 4
        ),
        Material.TROUSERS: Look(((50, 52, 60), (70, 64, 58)), 7, 5, 4),
        Material.CAR: Look(
            ((138, 44, 46), (52, 72, 140), (168, 168, 168), (58, 60, 66), (64, 108, 92)), 10, 3, 5
        ),
        Material.TRUCK: Look(((176, 116, 64), (88, 140, 158)), 9, 3, 5),
        Material.TARPAULIN: Look(((182, 178, 168), (98, 108, 128)), 9, 4, 8),
        Material.BUS: Look(((198, 158, 60), (64, 122, 86)), 9, 3, 5),
        Material.TRAIN: Look(((160, 52, 84), (78, 138, 130)), 9, 3, 5),
        Material.CYCLE: Look(((52, 52, 56), (92, 56, 54)), 9, 5, 3),
        Material.GLASS: Look(((54, 58, 62), (78, 82, 86)), 7, 4, 8),
        Material.TYRE: Look(((36, 36, 36),), 4, 4, 2),
        Material.TAIL_LIGHT: Look(((150, 50, 46),), 8, 3, 2),
        Material.BONNET: Look(((46, 48, 52),), 6, 2, 5),
        Material.CLUTTER: Look(((84, 88, 84), (112, 90, 74)), 12, 6, 5),
    },
    haze=(194, 202, 210),
    visibility=170,
    zenith=(128, 166, 216),
    focal=(0.78, 1.0),
    horizon=(0.42, 0.52),
    camera_height=(1.3, 1.8),
    road=(4.0, 6.5),
    urban=(0.3, 0.95),
    parked=(0.15, 0.55),
    pedestrians=(0.2, 0.9),
    trees=(0.2, 0.8),
    bonnet=True,
    photographic=True,
)
