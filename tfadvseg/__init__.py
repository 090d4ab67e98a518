"""Adversarial training for semantic segmentation in TensorFlow 2.

    import tfadvseg as tas

The names below are loaded when they are first used; the package alone imports no TensorFlow.
"""

import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

from tfadvseg.compat.legacy_keras import choose_keras_2
from tfadvseg.compat.quiet_import import quieten_import

# Both must be set before TensorFlow's first import; a value that the user has set stands.
# Its C++ side prints start-up lines about CUDA plugins and CPU features unless told otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On x86 without AVX-512 it leaves oneDNN off, with which training is faster (docs/speed.md).
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# TensorFlow from 2.16 on has Keras 3 for its own; ours is Keras 2.
choose_keras_2()
quieten_import()

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tfadvseg.config import (
        Config,
        DataConfig,
        DiscriminatorConfig,
        LossConfig,
        MethodConfig,
        OptimizerConfig,
        RunConfig,
        SegmenterConfig,
    )
    from tfadvseg.errors import UserError
    from tfadvseg.evaluation.whole_images import predict_label, predict_probabilities
    from tfadvseg.export.model_source import load_predictor
    from tfadvseg.flags.flagfile import read_flagfile
    from tfadvseg.methods.catalogue import METHODS
    from tfadvseg.methods.method import Method, Training
    from tfadvseg.run.from_python import evaluate, train
    from tfadvseg.training.types import Phase

_HOMES = {
    "Config": "config",
    "DataConfig": "config",
    "DiscriminatorConfig": "config",
    "LossConfig": "config",
    "METHODS": "methods.catalogue",
    "Method": "methods.method",
    "MethodConfig": "config",
    "OptimizerConfig": "config",
    "Phase": "training.types",
    "RunConfig": "config",
    "SegmenterConfig": "config",
    "Training": "methods.method",
    "UserError": "errors",
    "evaluate": "run.from_python",
    "load_predictor": "export.model_source",
    "predict_label": "evaluation.whole_images",
    "predict_probabilities": "evaluation.whole_images",
    "read_flagfile": "flags.flagfile",
    "train": "run.from_python",
}
"""The public names, and the module of ours that each is in."""

__all__ = [
    "METHODS",
    "Config",
    "DataConfig",
    "DiscriminatorConfig",
    "LossConfig",
    "Method",
    "MethodConfig",
    "OptimizerConfig",
    "Phase",
    "RunConfig",
    "SegmenterConfig",
    "Training",
    "UserError",
    "evaluate",
    "load_predictor",
    "predict_label",
    "predict_probabilities",
    "read_flagfile",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfadvseg' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tfadvseg.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
