"""Adversarial training for semantic segmentation in TensorFlow 2."""

import os
import platform

# Both must be set before TensorFlow's first import; a value that the user has set stands.
# Its C++ side prints start-up lines about CUDA plugins and CPU features unless told otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On x86 without AVX-512 it leaves oneDNN off, with which training is faster (docs/speed.md).
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
