"""Batches of windows for a method's phases, as a function of epoch and update alone."""

from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import domain_windows, mixed_windows, paired_windows, training_windows
from tfadvseg.data.shares import WHOLE, Share
from tfadvseg.data.windows import WindowMaker


@dataclass(frozen=True)
class Masks:
    """Masks of images that S does not learn from.

    Attributes:
        window: maker of windows, whose `label` [h,w] int32 is a mask.
        class_shares: share of each class among the pixels of all masks.
    """

    window: WindowMaker
    class_shares: tuple[float, ...]


@dataclass(frozen=True)
class Feed:
    """Makers of a run's training windows, and the number of windows per update.

    Attributes:
        labelled: maker of labelled windows; of those of the source, if there are two domains.
        unlabelled: maker of windows without labels; None if there are none.
        windows_per_update: number of labelled windows over all replicas.
        updates_per_epoch: number of S's updates.
        seed: seed of the run.
        normalisation: normalisation of the windows' images.
        unlabelled_per_update: number of windows without labels per update, over all replicas; 0
            stands for the number of labelled ones.
        masks: masks of other images, or None; with masks, labelled windows also have a `mask`
            [h,w] int32.
        share: part of each batch that is made here.
    """

    labelled: WindowMaker
    unlabelled: WindowMaker | None
    windows_per_update: int
    updates_per_epoch: int
    seed: int
    normalisation: Normalisation
    unlabelled_per_update: int = 0
    masks: Masks | None = None
    share: Share = WHOLE

    def windows(self, epoch: int, first: int) -> tf.data.Dataset:
        """The epoch's labelled windows in order (`pipeline.training_windows`)."""
        maker = self._with_masks()
        return training_windows(
            maker, self.windows_per_update, *self._steps(epoch, first), self.share
        )

    def domains(self, epoch: int, first: int) -> tf.data.Dataset:
        """Windows of both domains, or of the only one (`pipeline.domain_windows`)."""
        return domain_windows(
            self.labelled,
            self.unlabelled,
            self.windows_per_update,
            *self._steps(epoch, first),
            self.share,
        )

    def mixed(self, epoch: int, first: int) -> tf.data.Dataset:
        """The epoch's labelled windows twice, shuffled (`pipeline.mixed_windows`)."""
        windows = self.updates_per_epoch * self.windows_per_update
        return mixed_windows(
            self._with_masks(),
            self.windows_per_update,
            self.seed,
            epoch * windows,
            windows,
            first,
            self.share,
        )

    def labelled_and_unlabelled(self, epoch: int, first: int) -> tf.data.Dataset:
        """Labelled windows and windows without labels (`pipeline.paired_windows`).

        The labelled ones are those of `windows`, for any number of the others.
        """
        assert self.unlabelled is not None, "the rules of the method ask for unlabelled images"
        return paired_windows(
            self._with_masks(),
            self.unlabelled,
            self.windows_per_update,
            self.unlabelled_per_update or self.windows_per_update,
            self.seed,
            *self._steps(epoch, first),
            self.share,
        )

    def first_labelled_and_unlabelled(self, count: int) -> dict[str, tf.Tensor]:
        """One batch of the first windows of training, `count` of each kind."""
        assert self.unlabelled is not None, "the rules of the method ask for unlabelled images"
        makers = self._with_masks(), self.unlabelled
        (batch,) = paired_windows(*makers, count, count, self.seed, 0, 1)
        return batch

    def first_domains(self, count: int) -> dict[str, tf.Tensor]:
        """One batch of the first `count` windows of training per domain."""
        (batch,) = domain_windows(self.labelled, self.unlabelled, count, 0, 1)
        return batch

    def _with_masks(self) -> WindowMaker:
        masks = self.masks
        if masks is None:
            return self.labelled

        def window(number: tf.Tensor) -> dict[str, tf.Tensor]:
            return {**self.labelled(number), "mask": masks.window(number)["label"]}

        return window

    def _steps(self, epoch: int, first: int) -> tuple[int, int]:
        start = epoch * self.updates_per_epoch
        return start + first, start + self.updates_per_epoch
