"""What drawing a picture writes on the terminal."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from absl import app, logging

def main(argv):
    logging.set_verbosity(logging.INFO)
    from tfadvseg.reporting import plotting
    import matplotlib.font_manager

app.run(main)
"""


def test_the_first_plot_on_a_machine_announces_nothing(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(tmp_path.glob("fontlist-*.json")), "it was the first"
