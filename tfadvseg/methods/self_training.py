"""Self-training: S learns the predictions of its moving average, the teacher, on unlabelled images.

One step, three published settings (`config.methods.self_training.SETTINGS`):

- mean teacher (Tarvainen and Valpola 2017, arXiv 1703.01780): S's probabilities on an image
  approach those of the teacher on the image with noise;
- FixMatch (Sohn et al. 2020, arXiv 2001.07685) with CutMix (Yun et al. 2019, arXiv 1905.04899):
  S learns, on the strong view of two mixed images, the teacher's labels of the weak views, mixed
  alike, where the teacher is confident;
- DACS (Tranheden et al. 2021, arXiv 2007.08702): half of a labelled image's classes are pasted onto
  an unlabelled one, with their labels; the weight of pseudo-labels is the share of confident ones.

Unlabelled images are from the domain of the labelled ones or from a target domain. Batches are
those of `Feed.labelled_and_unlabelled`; they contain no label of an unlabelled image.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.config import Config, WeightSchedule, weight_at
from tfadvseg.config.methods.self_training import RULES, SETTINGS, Setting
from tfadvseg.losses.segmentation import cross_entropy
from tfadvseg.methods.levels import upsampled_logits
from tfadvseg.methods.method import Method, Picture, PseudoLabels, ToPixels, Training
from tfadvseg.methods.mixing import classmix_masks, cutmix_masks, mix, partners, spread_over
from tfadvseg.methods.reductions import global_mean, global_share
from tfadvseg.methods.strong_views import noisy_view, strong_view
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.methods.teacher import follow
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.training.distribution import sum_over_replicas
from tfadvseg.training.state import Builder, Learner
from tfadvseg.training.types import Batch, Phase, Scalars, Weights

_PICTURED = 4
"""Number of unlabelled windows in a picture."""

_NOISE, _VIEW, _MASK = range(3)
"""Salts: the purposes of a window's seed."""


@dataclass(frozen=True)
class Lesson:
    """S's views of unlabelled images and their pseudo-labels.

    Attributes:
        image: S's view, [B,H,W,C] float32.
        label: pseudo-labels, moved with their pixels, [B,H,W] int32.
        weight: weight of each pixel's loss, [B,H,W] float32 in [0, 1].
        confident: whether the teacher is confident, in its own view, [B,H,W] bool.
        probabilities: those of the teacher, [B,H,W,K] float32, in its own view.
    """

    image: tf.Tensor
    label: tf.Tensor
    weight: tf.Tensor
    confident: tf.Tensor
    probabilities: tf.Tensor


def make_lesson(batch: Batch, probabilities: tf.Tensor, setting: Setting) -> Lesson:
    """S's view of the unlabelled images and its pseudo-labels.

    Args:
        batch: `unlabelled_image` [B',H',W',C] float32, normalised, and `unlabelled_seed` [B',2]
            int32; for ClassMix also `image` [B,H',W',C] and `label` [B,H',W'] int32.
        probabilities: the teacher's on the unlabelled images, [B',H',W',K] float32.
        setting: mixing of images and weights of pseudo-labels.
    """
    image, seeds = batch["unlabelled_image"], batch["unlabelled_seed"]
    pseudo = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    confident = tf.reduce_max(probabilities, axis=-1) >= setting.confidence
    weight = tf.cast(confident, tf.float32)
    if setting.weighs_by_share:
        share = tf.math.divide_no_nan(*global_share(confident))
        weight = tf.ones_like(weight) * share
    match setting.mixing:
        case "none":
            view, label = image, pseudo
        case "cutmix":
            height, width = image.shape[1:3]
            mask = cutmix_masks(seeds, (height, width), salt=_MASK)
            view = strong_view(image, seeds, salt=_VIEW)
            view, label, weight = (mix(mask, partners(t), t) for t in (view, pseudo, weight))
        case "classmix":
            count = tf.shape(image)[0]
            pasted, truth = (spread_over(batch[name], count) for name in ("image", "label"))
            mask = classmix_masks(truth, probabilities.shape[-1], seeds, salt=_MASK)
            label = mix(mask, truth, pseudo)
            weight = mix(mask, tf.ones_like(weight), weight)
            view = strong_view(mix(mask, pasted, image), seeds, strength=0.25, salt=_VIEW)
    return Lesson(view, label, weight, confident, probabilities)


def self_training_step(
    segmenter: Learner,
    teacher: Learner,
    batch: Batch,
    lambda_unlabelled: tf.Tensor | float,
    setting: Setting,
    decay: float,
    segmentation: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = segmentation_loss,
    two_domains: bool = False,
) -> Scalars:
    """Updates S on labelled and unlabelled images, then the teacher, which follows S.

    S minimises lambda_seg loss_seg + lambda_unlabelled loss_unlabelled, where loss_unlabelled is
    the mean over pixels of weight times cross-entropy with the pseudo-label, or for the mean
    teacher the mean over pixels and classes of the squared difference of probabilities. The teacher
    normalises by its batch's statistics, as published; it gets no gradient.

    Args:
        segmenter: S and its optimizer.
        teacher: S's average.
        batch: a batch of `Feed.labelled_and_unlabelled`.
        lambda_unlabelled: scalar float32.
        setting: the published setting.
        decay: decay of the average (`teacher.follow`).
        segmentation: function of logits and labels to this replica's share of S's loss on labelled
            images.
        two_domains: whether unlabelled images are of another domain, or count as one: they then
            pass through S separately, with batch norm's statistics of that domain. Images of one
            domain and size pass together, unless a labelled one is mixed into them.

    Returns:
        S's `loss_seg` and `loss_unlabelled` of the global batch, before the update, and
        `confident`, the share of pixels whose pseudo-label is confident.
    """
    image, label = batch["image"], batch["label"]
    unlabelled, seeds = batch["unlabelled_image"], batch["unlabelled_seed"]
    seen = unlabelled if setting.confidence else noisy_view(unlabelled, seeds, salt=_NOISE)
    taught = upsampled_logits(teacher, seen, TARGET)[-1]
    lesson = make_lesson(batch, tf.stop_gradient(class_probabilities(taught)), setting)
    with tf.GradientTape() as tape:
        if two_domains or setting.mixing == "classmix":
            domain = SOURCE if two_domains else TARGET
            logits = upsampled_logits(segmenter, image, domain)[-1]
            learned = upsampled_logits(segmenter, lesson.image, TARGET)[-1]
        else:
            both = upsampled_logits(segmenter, tf.concat([image, lesson.image], 0), TARGET)[-1]
            count = tf.shape(image)[0]
            logits, learned = both[:count], both[count:]
        loss_seg = segmentation(logits, label)
        if setting.confidence:
            loss_unlabelled = global_mean(lesson.weight * cross_entropy(learned, lesson.label))
        else:
            difference = class_probabilities(learned) - lesson.probabilities
            loss_unlabelled = global_mean(tf.square(difference))
        loss = setting.lambda_seg * loss_seg + lambda_unlabelled * loss_unlabelled
    segmenter.apply(segmenter.gradients(tape, loss))
    follow(teacher, segmenter, decay)
    scalars: Scalars = {
        f"{segmenter.name}/loss_seg": sum_over_replicas(loss_seg),
        f"{segmenter.name}/loss_unlabelled": sum_over_replicas(loss_unlabelled),
    }
    if setting.confidence:
        scalars[f"{segmenter.name}/confident"] = global_share(lesson.confident)
    return scalars


def setting_of(config: Config) -> Setting:
    """The published setting, with the configured confidence."""
    method = config.method
    setting = SETTINGS[method.self_training]
    if method.confidence is None:
        return setting
    return dataclasses.replace(setting, confidence=method.confidence)


def unlabelled_weight(config: Config, progress: float) -> float:
    """Weight of the unlabelled loss after `progress` epochs: as configured, or the setting's "
    "own."""
    if config.method.lambda_unlabelled:
        return weight_at(config.method.lambda_unlabelled, progress)
    setting = SETTINGS[config.method.self_training]
    if not setting.ramps:
        return setting.lambda_unlabelled
    whole_run = WeightSchedule(((config.run.epochs, setting.lambda_unlabelled),), "gaussian")
    return weight_at(whole_run, progress)


def build_learners(build: Builder) -> dict[str, Learner]:
    """The teacher."""
    return {"teacher": build.teacher("teacher")}


def phases(training: Training) -> tuple[Phase, ...]:
    """One phase over labelled and unlabelled windows."""
    config, setting = training.config, setting_of(training.config)
    teacher = training.learners["teacher"]
    two_domains = bool(config.target.dataset) or config.segmenter.batch_norm == "per_domain"

    def step(batch: Batch, weights: Weights) -> Scalars:
        scalars = self_training_step(
            training.segmenter,
            teacher,
            batch,
            weights["lambda_unlabelled"],
            setting,
            config.method.teacher_decay,
            functools.partial(segmentation_loss, terms=training.terms),
            two_domains,
        )
        return scalars | training.beside(batch)

    def weights(progress: float) -> dict[str, float]:
        return {"lambda_unlabelled": unlabelled_weight(config, progress)}

    updates, batches = config.run.steps_per_epoch, training.feed.labelled_and_unlabelled
    return (Phase("self_training", step, updates, batches, weights),)


def pictures(training: Training, to_pixels: ToPixels) -> Sequence[Picture]:
    """Pseudo-labels of the first unlabelled windows, and S's views of them.

    The teacher runs in inference mode, because a picture must not change statistics.
    """
    setting, teacher = setting_of(training.config), training.learners["teacher"]
    batch = training.feed.first_labelled_and_unlabelled(_PICTURED)
    image = batch["unlabelled_image"]
    logits = upsampled_logits(teacher, image, TARGET, training=False)[-1]
    lesson = make_lesson(batch, class_probabilities(logits), setting)
    return (
        PseudoLabels(
            "pseudo_labels",
            to_pixels(image).numpy(),
            tf.argmax(lesson.probabilities, axis=-1).numpy(),
            tf.reduce_max(lesson.probabilities, axis=-1).numpy(),
            to_pixels(lesson.image).numpy(),
            lesson.label.numpy(),
            lesson.weight.numpy(),
        ),
    )


METHOD = Method(RULES, phases, build_learners, pictures=pictures)
