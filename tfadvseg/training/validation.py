"""Validation of the segmenters and of D, batch by batch and over replicas."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfadvseg.config import GanLoss
from tfadvseg.evaluation.label_metrics import LabelMetric, label_metrics
from tfadvseg.losses.gan import REAL, answers, compares_sides
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms, loss_of, term_sums
from tfadvseg.models.discriminators import fitting_window
from tfadvseg.models.outputs import class_probabilities, predicted_label
from tfadvseg.training.state import TrainState
from tfadvseg.training.types import Batch
from tfadvseg.training.workers import workers_of

Validator = Callable[[tf.data.Dataset], dict[str, float]]

DInputs = Callable[[Batch, tf.Tensor], dict[str, tf.Tensor]]
"""Function of a batch and S's class probabilities to D's inputs `real` and `fake`, or to none."""


def no_maps(batch: Batch, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """No maps: D is not validated."""
    del batch, probabilities
    return {}


def make_validator(
    state: TrainState,
    strategy: tf.distribute.Strategy,
    class_names: tuple[str, ...],
    d_inputs: DInputs = no_maps,
    terms: SegmentationTerms = CROSS_ENTROPY,
    *,
    gan: GanLoss = "vanilla",
    metrics: Mapping[str, LabelMetric] = label_metrics(darkfield=False),
) -> Validator:
    """Makes a function of a validation dataset (`data.pipeline.fixed_windows`) to metrics.

    The metrics over all valid pixels are `val/<segmenter>/loss_seg`, with the same `terms` as in
    training, and those of `metrics`. If `d_inputs` returns D's
    inputs, there are also `val/d/accuracy_real`, `val/d/accuracy_fake` (on S's maps) and
    `val/d/fooling_rate`, in inference mode. A D that takes one size only is validated on the
    central window of each image, and not on smaller images. If D's loss compares sides, the
    threshold is the mean logit on the other side over the images of a replica's batch.

    For metrics of whole images, the dataset must hold these (`data.pipeline.whole_images`).
    """
    num_classes = len(class_names)
    workers = workers_of(strategy)
    discriminator = state.learners.get("discriminator")

    def d_answers(batch: Batch, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Whether D classifies the maps of each side as real, [B,h,w,1] bool."""
        if discriminator is None:
            return {}
        inputs = d_inputs(batch, class_probabilities(logits))
        fitted = {side: fitting_window(discriminator.model, maps) for side, maps in inputs.items()}
        d_logits = {
            side: discriminator.model(maps, training=False)
            for side, maps in fitted.items()
            if maps is not None
        }
        return {
            side: answers(each, REAL, gan, _mean_of_others(d_logits, side, batch["weight"], gan))
            for side, each in d_logits.items()
        }

    def replica_sums(batch: Batch) -> dict[str, tf.Tensor]:
        image, label = batch["image"], batch["label"]
        sums: dict[str, tf.Tensor] = {}
        logits = {}
        for name, learner in state.segmenters().items():
            logits[name] = learner.evaluated(image, training=False)
            losses = term_sums(logits[name], label, terms, batch.get("boundary"))
            sums |= {f"{name}/loss/{term}": value for term, value in losses.items()}
            predicted = predicted_label(logits[name])
            for kind, metric in metrics.items():
                sums[f"{name}/{kind}"] = metric.sums(label, predicted, num_classes)
        for side, says_real in d_answers(batch, logits["segmenter"]).items():
            right = tf.cast(says_real == (side == "real"), tf.float32)
            right = tf.reduce_mean(right, axis=[1, 2, 3])
            sums[f"d/{side}"] = tf.reduce_sum(right * batch["weight"])
            sums["d/windows"] = tf.reduce_sum(batch["weight"])
        return sums

    @tf.function(autograph=False, reduce_retracing=True)
    def global_sums(batch: Batch) -> dict[str, tf.Tensor]:
        per_replica = strategy.run(replica_sums, args=(batch,))
        if workers.count > 1:  # each has batches of its own; their sums are added in the end
            return {
                name: tf.add_n(strategy.experimental_local_results(value))
                for name, value in per_replica.items()
            }
        return {
            name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in per_replica.items()
        }

    def validate(dataset: tf.data.Dataset) -> dict[str, float]:
        totals: dict[str, np.ndarray] = {}
        for batch in workers.parts(workers.own_batches(dataset)):
            for name, value in global_sums(batch).items():
                # Sums over thousands of batches need more than single precision.
                exact = np.asarray(value, np.int64 if value.dtype.is_integer else np.float64)
                totals[name] = totals.get(name, 0) + exact
        totals = workers.sums(totals)
        found = {}
        for name in state.segmenters():
            prefix = f"{name}/loss/"
            losses = {
                key.removeprefix(prefix): tf.constant(value, tf.float64)
                for key, value in totals.items()
                if key.startswith(prefix)
            }
            found[f"val/{name}/loss_seg"] = float(loss_of(losses, losses, terms))
            for kind, metric in metrics.items():
                measured = metric.metrics(totals[f"{name}/{kind}"], class_names)
                found |= {f"val/{name}/{label}": value for label, value in measured.items()}
        if "d/windows" in totals:
            for kind in ("real", "fake"):
                share = float(totals[f"d/{kind}"] / totals["d/windows"])
                found[f"val/d/accuracy_{kind}"] = share
            found["val/d/fooling_rate"] = 1 - found["val/d/accuracy_fake"]
        return found

    return validate


def _mean_of_others(
    d_logits: dict[str, tf.Tensor], side: str, weight: tf.Tensor, gan: GanLoss
) -> tf.Tensor | None:
    """Weighted mean of D's logits on the other side's images, for losses that compare sides."""
    if not compares_sides(gan):
        return None
    (other,) = (logits for name, logits in d_logits.items() if name != side)
    means = tf.reduce_mean(other, axis=[1, 2, 3])
    return tf.math.divide_no_nan(tf.reduce_sum(means * weight), tf.reduce_sum(weight))
