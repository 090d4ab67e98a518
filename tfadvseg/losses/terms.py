"""S's segmentation loss as a sum of terms, over one batch, all replicas or a whole validation set.

Cross-entropy is divided by the sum of the pixels' weights, the focal term by the number of valid
pixels, and Dice by areas. All of these are sums, which are added up first and divided once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from tfadvseg.losses.segmentation import (
    cross_entropy,
    dice_loss,
    dice_sums,
    focal_loss,
    pixel_weights,
    valid_pixels,
)
from tfadvseg.models.outputs import class_probabilities


@dataclass(frozen=True)
class SegmentationTerms:
    """cross-entropy + lambda_dice * Dice + lambda_focal * focal.

    Attributes:
        class_weights: weights in the cross-entropy, one number per class; None gives all 1.
        lambda_dice, lambda_focal: weights of the terms; 0 disables a term.
        focal_gamma: exponent of the focal term.
    """

    class_weights: tuple[float, ...] | None = None
    lambda_dice: float = 0.0
    lambda_focal: float = 0.0
    focal_gamma: float = 2.0


CROSS_ENTROPY = SegmentationTerms()
"""Unweighted cross-entropy alone."""


def term_sums(
    logits: tf.Tensor,
    label: tf.Tensor,
    terms: SegmentationTerms,
    boundary: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
    """Sums over pixels from which the loss is computed; add them over batches and replicas.

    Args:
        logits: [B,H,W,1] float32, or [B,H,W,K] for K > 2 classes.
        label: [B,H,W] int32 in [0, K) or `ignore_label`.
        terms: terms of the loss.
        boundary: [B,H,W] float32, at least 0, added to the pixels' class weights as in U-Net's
            eq. 2 (`losses.boundary`).

    Returns:
        `cross_entropy` and `weight`; with a focal term `focal` and `pixels`; with a Dice term
        `dice_overlap` and `dice_area`, [K] each.
    """
    weight = pixel_weights(label, terms.class_weights)
    if boundary is not None:
        weight += boundary * valid_pixels(label)
    sums = {
        "cross_entropy": tf.reduce_sum(cross_entropy(logits, label) * weight),
        "weight": tf.reduce_sum(weight),
    }
    if terms.lambda_focal:
        sums["focal"] = tf.reduce_sum(focal_loss(logits, label, terms.focal_gamma))
        sums["pixels"] = tf.reduce_sum(valid_pixels(label))
    if terms.lambda_dice:
        overlap, area = dice_sums(class_probabilities(logits), label)
        sums |= {"dice_overlap": overlap, "dice_area": area}
    return sums


def loss_of(
    sums: Mapping[str, tf.Tensor],
    totals: Mapping[str, tf.Tensor],
    terms: SegmentationTerms,
    parts: int = 1,
) -> tf.Tensor:
    """The loss over all parts, or one part's share of it; shares add up to the whole.

    Args:
        sums: `term_sums` of the part.
        totals: sums of `term_sums` over all parts; `cross_entropy` and `focal` are not needed.
        terms: as for `term_sums`.
        parts: number of parts. Dice is not a sum over pixels: each part takes an equal share.

    Returns:
        A scalar float32.
    """
    loss = tf.math.divide_no_nan(sums["cross_entropy"], totals["weight"])
    if terms.lambda_focal:
        loss += terms.lambda_focal * tf.math.divide_no_nan(sums["focal"], totals["pixels"])
    if terms.lambda_dice:
        dice = dice_loss(totals["dice_overlap"], totals["dice_area"])
        loss += terms.lambda_dice / parts * dice
    return loss
