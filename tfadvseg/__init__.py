"""Adversarial training for semantic segmentation in TensorFlow 2."""

import os

# TensorFlow's C++ side prints start-up lines about CUDA plugins and CPU features unless told
# otherwise before its first import. A value that the user has set stands.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"
