"""Matplotlib without its global state: figures drawn with Agg and written atomically."""

import io
from pathlib import Path
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfadvseg.files import atomic

DPI = 200

NETWORK_COLOURS = {"segmenter": "#0072B2", "standard": "#D55E00"}
"""Okabe and Ito's blue and vermilion, the colours of the two segmenters in every figure."""


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


def network_names(networks: list[str], against_discriminator: bool) -> dict[str, str]:
    """Names of the segmenters in figures: a single S is "S"; of two, each says how it trained."""
    names = {name: name for name in networks}
    if "segmenter" in names:
        adversarial = against_discriminator or "standard" in names
        names["segmenter"] = "adversarial S" if adversarial else "S"
    if "standard" in names:
        names["standard"] = "standard S"
    return names
