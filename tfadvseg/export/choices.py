"""What can be asked of a run that holds several networks and checkpoints. No TensorFlow here."""

from typing import Literal

Network = str
"""`segmenter`, S, or the name of one that `--compare` trained beside it."""

Which = Literal["best", "latest"]
"""The checkpoint that is best by the validation metric, or the last one."""

LARGEST_VERSION = 2**63 - 1
"""Of an export: TensorFlow Serving keeps versions as int64."""

Format = Literal["saved_model", "onnx", "tflite"]
"""What an export is written as."""

Quantization = Literal["none", "float16", "int8"]
"""The numbers that a TFLite export stores its weights in; `int8` also computes in them."""

ExportPrecision = Literal["float32", "bfloat16"]
"""What a SavedModel computes in."""
