"""TensorFlow settings made by importing the package, before TensorFlow is imported."""

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import tfadvseg
from tensorflow.python.util import _pywrap_util_port  # no public function tells

print(_pywrap_util_port.IsMklEnabled())
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN serves x86")
@pytest.mark.parametrize(
    ("own", "enabled"),
    [
        ({}, "True"),
        pytest.param({"TF_ENABLE_ONEDNN_OPTS": "0"}, "False", marks=pytest.mark.slow),
    ],
)
def test_onednn_is_on_unless_the_user_switched_it_off(own, enabled):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=kept | own, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == enabled
