"""A package made here stands for a TensorFlow that prints notices while it is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTICES = """
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1796126764.064252    6925 cudart_stub.cc:31] GPU will not be used.
""".lstrip()
WARNING = "W0000 00:00:1796126764.064252    6925 gpu.cc:31] too old a driver\n"
IMPORT = """
from tfadvseg.compat import quiet_import
quiet_import.needs_tf_keras = lambda: True
quiet_import.quieten_import()
import tensorflow
print(tensorflow.__loader__.get_filename("tensorflow"), tensorflow.VALUE)
"""


@pytest.fixture
def run_import(tmp_path):
    """Runs `IMPORT` where TensorFlow is the given text, at a level of logs."""

    def run(text: str, level: str) -> subprocess.CompletedProcess:
        (tmp_path / "tensorflow").mkdir()
        (tmp_path / "tensorflow/__init__.py").write_text(text)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "TF_CPP_MIN_LOG_LEVEL": level,
        }
        command = [sys.executable, "-c", IMPORT]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


PRINTING = f"import os; os.write(2, {(NOTICES + WARNING).encode()!r}); VALUE = 3"


@pytest.mark.parametrize(("level", "said"), [("3", WARNING), ("0", NOTICES + WARNING)])
def test_notices_are_dropped_unless_asked_for(run_import, tmp_path, level, said):
    result = run_import(PRINTING, level)
    assert (result.returncode, result.stderr) == (0, said)
    assert result.stdout == f"{tmp_path / 'tensorflow/__init__.py'} 3\n"


def test_an_error_is_told(run_import):
    result = run_import(PRINTING + "\nraise ImportError('no such library')", "3")
    assert result.returncode == 1
    assert result.stderr.startswith(NOTICES + WARNING + "Traceback")
    assert "no such library" in result.stderr
