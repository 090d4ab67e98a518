"""The pictures that a run and its predictions leave."""

from tfadvseg.reporting.colour import overlay, write_overlay
from tfadvseg.reporting.curves import metrics_figure
from tfadvseg.reporting.samples import samples_figure

__all__ = ["metrics_figure", "overlay", "samples_figure", "write_overlay"]
