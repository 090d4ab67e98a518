"""Writes a run's checkpoint as a SavedModel for TensorFlow Serving, or as ONNX or TFLite.

    tfadvseg export --model=runs/mine
    tfadvseg export --model=runs/mine --which=latest --export_dir=/models/cells
    tfadvseg export --model=runs/mine --precision=bfloat16
    tfadvseg export --model=runs/mine --format=onnx
    tfadvseg export --model=runs/mine --format=tflite --quantization=int8

The export takes raw images of any size: normalisation, padding and cropping are in its graph. It
is written atomically to EXPORT_DIR/VERSION. ONNX needs the extra `onnx`.

ONNX, TFLite and bfloat16 exports are compared with the model in float32 on the run's validation
images, or on --images: the share of labels that change and the metrics of both are printed and
written to VERSION/assets.extra/report.json. int8 is calibrated on training images, or on --images.
`evaluate` and `predict` take exports of every format as --model.
"""

import dataclasses
from pathlib import Path
from typing import cast, get_args

from absl import flags

from tfadvseg import cli
from tfadvseg.compat.processor import cpu_multiplies_bfloat16
from tfadvseg.errors import UserError
from tfadvseg.export.choices import (
    LARGEST_VERSION,
    ExportPrecision,
    Format,
    Quantization,
    Which,
)
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.flags.command_line import (
    define_network_flags,
    define_test_scales_flag,
    test_scales_of,
)

_MODEL = flags.DEFINE_string("model", None, "The run: its --output_dir.")
_NETWORK, _WHICH = define_network_flags()
_TEST_SCALES = define_test_scales_flag()
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir",
    None,
    "Folder of versions, the model's base path of TensorFlow Serving. Default: the folder export, "
    "onnx or tflite in the run.",
)
_FORMAT = flags.DEFINE_enum("format", "saved_model", get_args(Format), "Format of the export.")
_QUANTIZATION = flags.DEFINE_enum(
    "quantization",
    "none",
    get_args(Quantization),
    "Numbers of a TFLite export: float16 weights, or int8 weights and activations.",
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    get_args(ExportPrecision),
    "What a SavedModel computes in: bfloat16 only where the processor multiplies it in hardware "
    "(AVX512-BF16 or AMX), as elsewhere it would be many times slower.",
)
_IMAGES = flags.DEFINE_string(
    "images",
    None,
    "Image files (a folder, a file, or a pattern in quotes) in place of the run's own, for int8 "
    "ranges and for the comparison.",
)
_REPORT_IMAGES = flags.DEFINE_integer(
    "report_images",
    20,
    "Compare an ONNX, TFLite or bfloat16 export with float32 on at most so many images; 0 for no "
    "comparison.",
    lower_bound=0,
)
_VERSION = flags.DEFINE_integer(
    "version",
    None,
    "A positive number. Default: the next one.",
    lower_bound=1,
    upper_bound=LARGEST_VERSION,
)
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    ModelSpec.max_pixels,
    "Most pixels of a PNG or JPEG file that the signature encoded decodes; others are refused by "
    "their header, as a small file can hold gigabytes.",
    lower_bound=1,
)


def main(argv: list[str]) -> None:
    del argv
    model, test_scales = cli.required(_MODEL), test_scales_of(_TEST_SCALES)
    target, quantization = cast(Format, _FORMAT.value), cast(Quantization, _QUANTIZATION.value)
    if quantization != "none" and target != "tflite":
        raise UserError(f"--quantization={quantization}: is for --format=tflite; leave it out.")
    precision = cast(ExportPrecision, _PRECISION.value)
    compared = target != "saved_model" or precision != "float32"
    if _IMAGES.value is not None and not compared:
        raise UserError(
            f"--images={_IMAGES.value}: is for --format=onnx and tflite and for "
            "--precision=bfloat16; leave it out."
        )
    if precision != "float32" and target != "saved_model":
        raise UserError(f"--precision={precision}: is for --format=saved_model; leave it out.")
    if _MAX_PIXELS.present and target != "saved_model":
        raise UserError(
            f"--max_pixels={_MAX_PIXELS.value}: is for --format=saved_model; leave it out."
        )
    # Imported late, so that mistaken flags are reported at once.
    from tfadvseg.export.onnx_model import check_onnx_installed
    from tfadvseg.export.run_model import load_run_segmenter
    from tfadvseg.export.saved_model import export_saved_model
    from tfadvseg.run.export_formats import (
        compare_with_float32,
        conversion_images,
        convert_model,
    )

    if target == "onnx":
        check_onnx_installed()
    if precision == "bfloat16" and not cpu_multiplies_bfloat16():
        raise UserError(
            "--precision=bfloat16: this processor does not multiply bfloat16 in hardware, and the "
            "export would be many times slower than in float32; export where it will be served."
        )
    network, which = _NETWORK.value, cast(Which, _WHICH.value)
    segmenter, spec = load_run_segmenter(model, network, which, test_scales)
    folder_name = "export" if target == "saved_model" else target
    base = _EXPORT_DIR.value or Path(model) / folder_name
    images = None
    if compared and (_REPORT_IMAGES.value or quantization == "int8"):
        images = conversion_images(Path(model), spec, _IMAGES.value, _REPORT_IMAGES.value)
    report = ""
    if target == "saved_model":
        spec = dataclasses.replace(spec, max_pixels=_MAX_PIXELS.value, precision=precision)
        folder = export_saved_model(segmenter, spec, base, _VERSION.value)
        if images is not None:
            report = compare_with_float32(segmenter, spec, folder, images.compared)
    else:
        folder, report = convert_model(
            segmenter, spec, target, quantization, base, _VERSION.value, images
        )
    print(f"export: {folder} ({network}, {which})")
    if report:
        print(report)
