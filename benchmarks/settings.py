"""The candidates and their sizes. Imports no TensorFlow."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from tfadvseg.config.segmenter import SegmenterName

MATMUL = "matmul"
SUPERVISED = "supervised"
FED = "supervised_fed"
INFERENCE = "inference"
JOINT_ENCODER = "joint_encoder"
JOINT_PATCH = "joint_patch"
KERAS_WAY = "keras_way"
PIPELINE = "pipeline"
NETWORK_UNET = "network_unet"
NETWORK_SEGNET = "network_segnet"
NETWORK_FCN = "network_fcn"
NETWORK_STRIDED_UNET = "network_strided_unet"
NETWORK_FCN8S = "network_fcn8s"
NETWORK_DEEPLABV3PLUS = "network_deeplabv3plus"
SEGNET_TFA = "segnet_tfa"
SEGNET_TORCH = "segnet_torch"
ADAPTATION = "adaptation_step"
ADAPTATION_TORCH = "adaptation_torch"
UNET_TORCH = "unet_torch"
STREET_INPUT = "street_input"
READING = "reading"
EXPORT = "export"
EXPORT_BFLOAT16 = "export_bfloat16"
EXPORT_ONNXRUNTIME = "export_onnxruntime"
EXPORT_OPENVINO = "export_openvino"
EXPORT_OPENVINO_BFLOAT16 = "export_openvino_bfloat16"
EXPORT_TORCH = "export_torch"
SUPERVISED_NEWEST = "supervised_newest"
INFERENCE_NEWEST = "inference_newest"
JOINT_PATCH_NEWEST = "joint_patch_newest"

DESCRIPTIONS = {
    MATMUL: "matrix multiplication",
    SUPERVISED: "S, training step",
    FED: "S, training step, fed by the input pipeline",
    INFERENCE: "S, inference",
    JOINT_PATCH: "S and patch D, joint step",
    JOINT_ENCODER: "S and encoder D, joint step",
    KERAS_WAY: "S and encoder D, the Keras way",
    PIPELINE: "input pipeline",
    NETWORK_UNET: "U-Net",
    UNET_TORCH: "U-Net in PyTorch",
    NETWORK_SEGNET: "SegNet",
    SEGNET_TFA: "SegNet, TFA's unpooling",
    SEGNET_TORCH: "SegNet in PyTorch",
    NETWORK_FCN: "FCN",
    NETWORK_STRIDED_UNET: "strided U-Net",
    NETWORK_FCN8S: "FCN-8s",
    NETWORK_DEEPLABV3PLUS: "DeepLabV3+",
    ADAPTATION: "adaptation, S and two Ds",
    ADAPTATION_TORCH: "adaptation in PyTorch",
    STREET_INPUT: "adaptation's published input",
    READING: "image files",
    EXPORT: "export",
    EXPORT_BFLOAT16: "export in bfloat16",
    EXPORT_ONNXRUNTIME: "export in ONNX Runtime",
    EXPORT_OPENVINO: "export in OpenVINO",
    EXPORT_OPENVINO_BFLOAT16: "export in OpenVINO, bfloat16",
    EXPORT_TORCH: "the same in PyTorch",
    SUPERVISED_NEWEST: "S, training step, other TensorFlow",
    INFERENCE_NEWEST: "S, inference, other TensorFlow",
    JOINT_PATCH_NEWEST: "S and patch D, joint step, other TensorFlow",
    "together_unet": "U-Net, several processes",
    "together_segnet": "SegNet, several processes",
    "together_fcn": "FCN, several processes",
    "together_strided_unet": "strided U-Net, several processes",
    "together_fcn8s": "FCN-8s, several processes",
    "together_deeplabv3plus": "DeepLabV3+, several processes",
}
"""Candidates in the order of turns and of the report."""

TRAINING_PART = "training step"
FED_PART = "training step, fed"
INPUT_PART = "input pipeline"
INFERENCE_PART = "inference"
"""The parts of a candidate of `SEGMENTERS`; `fed` means by the input pipeline."""

ALL_REDUCE_PART = "all-reduce"
"""A part of a candidate of `TOGETHER`, beside the training step."""

FILES_PART, PREPARED_PART = "PNG files", "prepared copies"
"""The parts of `STREET_INPUT`."""

TIFF_PART, PNG_PART = "TIFF", "PNG"
OURS, BY_TIFFFILE, BY_PILLOW = "as a folder reads it", "tifffile alone", "Pillow alone"
"""The parts of `READING`: a format and who reads it."""

SEGMENTERS: dict[str, SegmenterName] = {
    NETWORK_UNET: "unet",
    NETWORK_SEGNET: "segnet",
    NETWORK_FCN: "fcn",
    NETWORK_STRIDED_UNET: "strided_unet",
    NETWORK_FCN8S: "fcn8s",
    NETWORK_DEEPLABV3PLUS: "deeplabv3plus",
}
"""The value of --segmenter for each candidate."""

TOGETHER: dict[str, SegmenterName] = {f"together_{it}": it for it in SEGMENTERS.values()}
"""Networks that several processes train together."""

IN_TORCH = (UNET_TORCH, SEGNET_TORCH, ADAPTATION_TORCH, EXPORT_TORCH)
"""Candidates that need PyTorch."""

IN_NEWEST = {
    SUPERVISED_NEWEST: SUPERVISED,
    INFERENCE_NEWEST: INFERENCE,
    JOINT_PATCH_NEWEST: JOINT_PATCH,
}
"""Candidates that another Python runs, of an environment with another TensorFlow, as what."""

RUNTIMES = {
    EXPORT_ONNXRUNTIME: "onnxruntime",
    EXPORT_OPENVINO: "openvino",
    EXPORT_OPENVINO_BFLOAT16: "openvino",
}
"""Candidates that need a package of the extra `runtimes`."""

PACKAGES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
"""Packages that the benchmark needs besides ours, and their names."""

IN_BFLOAT16 = (EXPORT_BFLOAT16, EXPORT_OPENVINO_BFLOAT16)
"""Candidates that compute in bfloat16 whatever --precisions says."""

EXPORTS = (EXPORT, EXPORT_BFLOAT16, *RUNTIMES)
"""A U-Net's export, and who answers with it."""

DETERMINISM = "determinism"
FLOAT16 = "float16"
REPLICAS = "two replicas"
XLA = "XLA"
GPU_CHECKS = (DETERMINISM, FLOAT16, REPLICAS, XLA)
"""What `benchmarks.gpu_checks` checks."""

DEFAULT_GROUP = "default"

GROUPS = {
    DEFAULT_GROUP: (
        MATMUL,
        SUPERVISED,
        FED,
        INFERENCE,
        JOINT_PATCH,
        JOINT_ENCODER,
        KERAS_WAY,
        PIPELINE,
    ),
    "networks": (MATMUL, *SEGMENTERS),
    "unet": (MATMUL, NETWORK_UNET, UNET_TORCH),
    "segnet": (MATMUL, NETWORK_SEGNET, SEGNET_TFA, SEGNET_TORCH),
    "adaptation": (MATMUL, ADAPTATION, ADAPTATION_TORCH, STREET_INPUT),
    "reading": (READING,),
    "exports": (MATMUL, *EXPORTS, EXPORT_TORCH),
    "newest": (MATMUL, SUPERVISED, INFERENCE, JOINT_PATCH, *IN_NEWEST),
    "workers": tuple(TOGETHER),
}
"""Groups of candidates that are compared with each other, by name."""


@dataclass(frozen=True)
class Settings:
    """Sizes of one candidate.

    Attributes:
        batch: images per step; for adaptation, source images, and as many target images.
        crop_size: (height, width) of a window, in pixels.
        width: filters of the first level of S and of D; 0 if the network has a fixed width.
        full_depth: whether DeepLab's ResNets have the published depth, or the smallest.
        rounds: number of turns per candidate.
        turn_seconds: approximate duration of a turn, shared by all workloads of a candidate.
        least_repetitions: minimum number of steps within a turn, however long they take.
        matmul_sizes: sides of the square matrices to try; empty selects sizes for the device.
    """

    batch: int = 8
    crop_size: tuple[int, int] = (128, 128)
    width: int = 32
    full_depth: bool = True
    rounds: int = 5
    turn_seconds: float = 1.5
    least_repetitions: int = 2
    matmul_sizes: tuple[int, ...] = ()


FULL = Settings()
"""The sizes of the published ISBI 2012 experiment."""

# Their steps take seconds, so one per turn is enough.
_LARGE = dataclasses.replace(FULL, width=64, least_repetitions=1)
_SEGNET = dataclasses.replace(_LARGE, batch=4, crop_size=(256, 256))
# Frames of 360x480, as the networks pad them.
_CAMVID = dataclasses.replace(_LARGE, batch=16, crop_size=(368, 480), width=32)
_ADAPTATION = dataclasses.replace(_LARGE, batch=1, crop_size=(512, 1024))

_SERVED = dataclasses.replace(FULL, crop_size=(512, 512), least_repetitions=1)

_OWN_SIZES = {
    NETWORK_SEGNET: _SEGNET,
    SEGNET_TFA: _SEGNET,
    SEGNET_TORCH: _SEGNET,
    NETWORK_FCN: _CAMVID,
    NETWORK_STRIDED_UNET: _CAMVID,
    NETWORK_FCN8S: dataclasses.replace(_LARGE, batch=1, crop_size=(384, 480)),
    NETWORK_DEEPLABV3PLUS: dataclasses.replace(_LARGE, batch=2, crop_size=(256, 256), width=0),
    ADAPTATION: _ADAPTATION,
    ADAPTATION_TORCH: _ADAPTATION,
    STREET_INPUT: dataclasses.replace(_LARGE, batch=1, crop_size=(720, 1280), width=0),
    READING: dataclasses.replace(FULL, crop_size=(1024, 1024), width=0),
    **dict.fromkeys((*EXPORTS, EXPORT_TORCH), _SERVED),
}

_OWN_SIZES |= {
    f"together_{network}": _OWN_SIZES.get(name, FULL) for name, network in SEGMENTERS.items()
}

QUICK = Settings(
    batch=2,
    crop_size=(32, 32),
    width=4,
    full_depth=False,
    rounds=2,
    turn_seconds=0.02,
    least_repetitions=1,
    matmul_sizes=(64, 128),
)
"""For checking that everything runs; the resulting numbers are meaningless."""


def full_settings(candidate: str) -> Settings:
    """The typical sizes of a candidate: `FULL` unless it has its own."""
    return _OWN_SIZES.get(candidate, FULL)


def package_of(candidate: str) -> str | None:
    """The package of `PACKAGES` that a candidate needs; None if it needs none."""
    return "torch" if candidate in IN_TORCH else RUNTIMES.get(candidate)


def export_parts(settings: Settings) -> dict[str, int]:
    """The parts of candidates that answer requests, and their numbers of images."""
    counts = dict.fromkeys((1, settings.batch))
    return {"one image" if count == 1 else "a batch": count for count in counts}


def plan(candidates: tuple[str, ...], quick: bool, changes: dict[str, Any]) -> dict[str, Settings]:
    """The settings of each candidate: the full or the quick ones, with `changes` by field."""
    planned = {}
    for name in candidates:
        full = full_settings(name)
        settings = dataclasses.replace(QUICK if quick else full, **changes)
        planned[name] = settings if full.width else dataclasses.replace(settings, width=0)
    return planned
