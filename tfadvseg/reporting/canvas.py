"""Matplotlib without its global state: figures drawn with Agg and written atomically."""

import io
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfadvseg.files import atomic

DPI = 200

NETWORK_COLOURS = {"segmenter": "#0072B2", "standard": "#D55E00"}
"""Okabe and Ito's blue and vermilion, the colours of the two segmenters in every figure."""

DISCRIMINATORS = ("d", "aux_d")
"""What the columns of a history call discriminators."""

_OTHER_COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#999999")
"""Of theirs, too: other networks that `--compare` names, in their order."""


def network_colours(columns: Iterable[str]) -> dict[str, str]:
    """Colours of the segmenters that a history has columns of, S first.

    Args:
        columns: names such as `train/segmenter/loss_seg`; those of discriminators are left out.
    """
    parts = [name.split("/") for name in columns]
    found = [part[1] for part in parts if len(part) == 3 and part[1] not in DISCRIMINATORS]
    others = [name for name in dict.fromkeys(found) if name not in NETWORK_COLOURS]
    colours = {name: colour for name, colour in NETWORK_COLOURS.items() if name in found}
    return colours | dict(zip(others, itertools.cycle(_OTHER_COLOURS), strict=False))


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Figure:
    """An empty figure of a size in inches, independent of windows and pyplot."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, path: str | Path) -> None:
    """Writes a PNG atomically."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    atomic.write_bytes(path, buffer.getvalue())


def network_titles(networks: Iterable[str], methods: Mapping[str, str]) -> dict[str, str]:
    """Titles of segmenters in figures: a single one is "S", several are named by their methods.

    Args:
        networks: names of the segmenters.
        methods: the method that trains each. A segmenter without one, or one that shares its method
            with another, has its own name as title.
    """
    found = {name: methods.get(name, name) for name in networks}
    if len(found) == 1:
        return dict.fromkeys(found, "S")
    titles = [*found.values()]
    return {name: title if titles.count(title) == 1 else name for name, title in found.items()}
