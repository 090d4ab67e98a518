"""What a run feeds its networks: training batches, and what is measured and drawn of each epoch."""

import numpy as np
import tensorflow as tf

from tfadvseg.config import Config, LossConfig
from tfadvseg.data.examples import Examples, fitting, image_sizes, spread
from tfadvseg.data.pipeline import (
    BoundaryMaps,
    Normalisation,
    WindowMaker,
    domain_windows,
    fixed_windows,
    mixed_windows,
    training_windows,
    whole_images,
    window_maker,
)
from tfadvseg.data.sources import Splits, has_labelled_target
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.losses.boundary import boundary_weights
from tfadvseg.training.types import Phase

_TARGET_SEED = 2**20
"""Added to the run's seed, so that the target's windows are other draws than the source's."""

SAMPLES = 10

TRAINING_SAMPLE = 32
"""Training images, or windows of them, that are measured beside validation after each epoch."""


class RunInput:
    """The pipelines of a run.

    Attributes:
        normalisation: of all its images.
        validation: what is validated on after each epoch.
        training_sample: training images as validation sees its own; None with two domains, and
            where none fit.
        samples: validation windows to draw.
    """

    def __init__(
        self,
        config: Config,
        splits: Splits,
        spec: ModelSpec,
        replicas: int,
        target: Examples | None = None,
    ) -> None:
        """Prepares the pipelines.

        Args:
            config, splits, spec: of the run.
            replicas: that share a batch.
            target: images to adapt to, if there are any.
        """
        self._config = config
        self._val_window_size = (
            config.target if has_labelled_target(config) else config.data
        ).crop_size
        self.normalisation = Normalisation(spec.mean, spec.std, spec.channel_order)
        self._window = window_maker(
            splits.train,
            config.data,
            self.normalisation,
            config.run.seed,
            boundary_maps(config.loss, splits.train),
        )
        self._target_window: WindowMaker | None = None
        if target is not None:
            self._target_window = window_maker(
                target, config.target_data(), self.normalisation, config.run.seed + _TARGET_SEED
            )
        boundaries = boundary_maps(config.loss, splits.val)
        if config.data.val_windows:
            self.validation = self._fixed_windows(splits.val, config.data.val_windows, boundaries)
        else:
            self.validation = whole_images(splits.val, self.normalisation, replicas, boundaries)
        self.training_sample = self._training_sample(splits, replicas)
        shown = fitting(splits.val, self._val_window_size)
        assert shown is not None  # `run.checks.check_images`
        self.samples = self._fixed_windows(shown, SAMPLES)

    def batches(self, phase: Phase, epoch: int, first: int) -> tf.data.Dataset:
        """The phase's global batches in `epoch`, from its update `first` on."""
        run = self._config.run
        start = epoch * run.steps_per_epoch
        end = start + run.steps_per_epoch
        size = self._config.windows_per_update
        match phase.batches:
            case "windows":
                return training_windows(self._window, size, start + first, end)
            case "domains":
                return domain_windows(self._window, self._target_window, size, start + first, end)
            case "mixed":
                windows = run.steps_per_epoch * size
                return mixed_windows(self._window, size, run.seed, start * size, windows, first)

    def first_windows(self, count: int) -> tf.data.Dataset:
        """One batch: the first windows of training, of both domains where there are two."""
        return domain_windows(self._window, self._target_window, count, 0, 1)

    def _training_sample(self, splits: Splits, replicas: int) -> tf.data.Dataset | None:
        if self._config.target.dataset:
            return None
        train = splits.train
        if self._config.data.val_windows:
            # Scaled while they train, windows may be larger than an image.
            large = fitting(train, self._config.data.crop_size)
            if large is None:
                return None
            return self._fixed_windows(spread(large, TRAINING_SAMPLE), TRAINING_SAMPLE)
        largest = max(h * w for h, w in image_sizes(splits.val))
        chosen = [i for i, (h, w) in enumerate(image_sizes(train)) if h * w <= largest]
        if not chosen:
            return None
        sample = spread(train.subset(chosen), TRAINING_SAMPLE)
        return whole_images(sample, self.normalisation, replicas)

    def _fixed_windows(
        self, examples: Examples, count: int, boundaries: BoundaryMaps | None = None
    ) -> tf.data.Dataset:
        return fixed_windows(
            examples,
            self._val_window_size,
            self.normalisation,
            self._config.run.global_batch_size,
            count,
            self._config.run.seed,
            boundaries,
        )


def boundary_maps(config: LossConfig, examples: Examples) -> BoundaryMaps | None:
    """The boundary weights of whole images, where the loss has them."""
    if not config.boundary_weight:
        return None
    unit = config.boundary_weight / 255
    levels = [
        np.rint(
            boundary_weights(label, w0=config.boundary_weight, sigma=config.boundary_sigma) / unit
        ).astype(np.uint8)
        for label in examples.labels or ()
    ]
    return BoundaryMaps(tuple(levels), unit)
