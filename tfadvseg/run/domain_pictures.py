"""What S and D make of a run's source and target windows, drawn from its state."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadvseg.config import GanLoss
from tfadvseg.data.pipeline import Normalisation
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.multi_level import level_logits
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET, Domain
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.reporting.patch_maps import patch_maps_figure
from tfadvseg.reporting.samples import samples_figure
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Batch

WINDOWS = 3
"""Of each domain, at most, whose patches are drawn."""

SOURCE_SAMPLES = 6


def draw_patch_maps(
    state: TrainState,
    normalisation: Normalisation,
    source_batch: Batch,
    target_batch: Batch,
    spec: ModelSpec,
    gan: GanLoss,
    path: str | Path,
) -> None:
    """Draws the first windows of each domain, S's predictions and D's answers on them.

    S is as it trains, not its average, as that is whom D knows; both run in inference mode. The
    level is the last one; where that has no D, the one before.

    Args:
        state: of a run that adapts.
        normalisation: what the windows have been through.
        source_batch: `source_image`, `source_label` (`data.pipeline.domain_windows`).
        target_batch: `target_image`; may be the same batch.
        spec: class names and colours.
        gan: what D was trained by.
        path: the PNG to write, whole or not at all.

    Raises:
        ValueError: no level has a D.
    """
    level, discriminator = -1, state.discriminator
    if discriminator is None:
        level, discriminator = 0, state.aux_discriminator
    if discriminator is None:
        raise ValueError("No level has a discriminator.")

    def answers(image: tf.Tensor, domain: Domain) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of each image a prediction, [H,W] int, and D's map, [h,w] float32."""
        logits = level_logits(state.segmenter.model, image, training=False, domain=domain)[level]
        maps = class_probabilities(resize_aligned(logits, image.shape[1:3]))
        patches = discriminator.model(maps, training=False)[..., 0]
        return [*tf.argmax(maps, axis=-1).numpy()], [*patches.numpy()]

    source, target = source_batch["source_image"][:WINDOWS], target_batch["target_image"][:WINDOWS]
    predictions, patches = answers(source, SOURCE)
    of_target = answers(target, TARGET)
    patch_maps_figure(
        [*normalisation.inverse(source).numpy(), *normalisation.inverse(target).numpy()],
        [*source_batch["source_label"][:WINDOWS].numpy(), *[None] * len(target)],
        predictions + of_target[0],
        patches + of_target[1],
        ["source"] * len(source) + ["target"] * len(target),
        spec.palette,
        spec.class_names,
        path,
        least_squares=gan == "ls",
    )


def draw_source_samples(
    state: TrainState,
    normalisation: Normalisation,
    batch: Batch,
    spec: ModelSpec,
    path: str | Path,
) -> None:
    """Draws the first windows of the source, their labels and what each segmenter predicts.

    With `--compare` that is before and after adaptation, as validation windows show it of the
    target.

    Args:
        state: of a run that adapts.
        normalisation: what the windows have been through.
        batch: `source_image`, `source_label` (`data.pipeline.domain_windows`).
        spec: class names and colours.
        path: the PNG to write, whole or not at all.
    """
    image = batch["source_image"][:SOURCE_SAMPLES]
    predictions = {}
    for name, learner in state.segmenters().items():
        # The network that never saw the target has statistics of the source alone.
        domain = SOURCE if name == "segmenter" else TARGET
        logits = level_logits(learner.measured, image, training=False, domain=domain)[-1]
        maps = class_probabilities(resize_aligned(logits, image.shape[1:3]))
        predictions[name] = maps.numpy()
    samples_figure(
        normalisation.inverse(image).numpy(),
        batch["source_label"][:SOURCE_SAMPLES].numpy(),
        predictions,
        spec.palette,
        spec.class_names,
        path,
    )
