"""Figures, TensorBoard summaries, the run report."""

import logging

# On a machine's first plot, importing matplotlib logs that it collects fonts.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
