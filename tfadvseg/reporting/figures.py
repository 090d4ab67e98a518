"""The pictures that a run and its predictions leave."""

from tfadvseg.reporting.class_curves import class_curves_figure
from tfadvseg.reporting.colour import overlay, write_overlay
from tfadvseg.reporting.confusion_figure import confusion_figure
from tfadvseg.reporting.curves import metrics_figure
from tfadvseg.reporting.overlays import overlays_figure
from tfadvseg.reporting.samples import samples_figure

__all__ = [
    "class_curves_figure",
    "confusion_figure",
    "metrics_figure",
    "overlay",
    "overlays_figure",
    "samples_figure",
    "write_overlay",
]
