"""What people look at: figures, TensorBoard summaries, the run report."""

import logging

# Importing matplotlib announces the fonts that it finds, on a machine's first plot.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
