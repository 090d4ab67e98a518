"""Configuration of a run: frozen dataclasses, validated on construction. Imports no TensorFlow.

Every field is a flag of the same name (`tfadvseg/flags/`), so the names here are the names that
users type and that errors mention.
"""

from tfadvseg.config.data import (
    Augmentation,
    ChannelOrder,
    DataConfig,
    Preparation,
)
from tfadvseg.config.discriminator import (
    DiscriminatorConfig,
    DiscriminatorName,
    ImageInput,
    TruthForm,
)
from tfadvseg.config.few_labels import FewLabelsConfig
from tfadvseg.config.loss import ClassWeighting, LossConfig
from tfadvseg.config.method import (
    GanLoss,
    MethodConfig,
    ScheduleName,
)
from tfadvseg.config.optimizer import OptimizerConfig, OptimizerName, RateSchedule
from tfadvseg.config.run import (
    LAST,
    Precision,
    RunConfig,
    StrategyName,
    check_spacing,
    check_test_scales,
    pixel_size,
)
from tfadvseg.config.segmenter import SegmenterConfig, SegmenterName
from tfadvseg.config.weights import Piecewise, Weight, WeightSchedule, piecewise_value, weight_at
from tfadvseg.config.whole import Config

__all__ = [
    "LAST",
    "Augmentation",
    "ChannelOrder",
    "ClassWeighting",
    "Config",
    "DataConfig",
    "DiscriminatorConfig",
    "DiscriminatorName",
    "FewLabelsConfig",
    "GanLoss",
    "ImageInput",
    "LossConfig",
    "MethodConfig",
    "OptimizerConfig",
    "OptimizerName",
    "Piecewise",
    "Precision",
    "Preparation",
    "RateSchedule",
    "RunConfig",
    "ScheduleName",
    "SegmenterConfig",
    "SegmenterName",
    "StrategyName",
    "TruthForm",
    "Weight",
    "WeightSchedule",
    "check_spacing",
    "check_test_scales",
    "piecewise_value",
    "pixel_size",
    "weight_at",
]
