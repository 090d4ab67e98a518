"""What to measure, at which sizes. Imports no TensorFlow."""

from dataclasses import dataclass

MATMUL = "matmul"
SUPERVISED = "supervised"
FED = "supervised_fed"
INFERENCE = "inference"
JOINT_ENCODER = "joint_encoder"
JOINT_PATCH = "joint_patch"
KERAS_WAY = "keras_way"
PIPELINE = "pipeline"

DESCRIPTIONS = {
    MATMUL: "matrix multiplication",
    SUPERVISED: "S, training step",
    FED: "S, training step, fed by the input pipeline",
    INFERENCE: "S, inference",
    JOINT_PATCH: "S and patch D, joint step",
    JOINT_ENCODER: "S and encoder D, joint step",
    KERAS_WAY: "S and encoder D, the Keras way",
    PIPELINE: "input pipeline",
}
"""Candidates in the order in which they take turns and are listed."""


@dataclass(frozen=True)
class Settings:
    """Sizes of everything that is measured.

    Attributes:
        batch: images a step.
        crop_size: (height, width) of a window, in pixels.
        width: filters of the first level of S and of the encoder D.
        rounds: how often every candidate takes its turn.
        turn_seconds: about how long a turn lasts, shared by all that a candidate times.
        least_repetitions: of a step within a turn, however long that takes.
        matmul_sizes: sides of the square matrices to try; empty takes what suits the device.
    """

    batch: int = 8
    crop_size: tuple[int, int] = (128, 128)
    width: int = 32
    rounds: int = 5
    turn_seconds: float = 1.5
    least_repetitions: int = 2
    matmul_sizes: tuple[int, ...] = ()


FULL = Settings()
"""The sizes of the published experiment."""

QUICK = Settings(
    batch=2,
    crop_size=(32, 32),
    width=4,
    rounds=2,
    turn_seconds=0.02,
    least_repetitions=1,
    matmul_sizes=(64, 128),
)
"""Shows that everything runs; its numbers mean nothing."""
