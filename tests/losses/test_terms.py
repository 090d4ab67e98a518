"""The segmentation loss as a sum of terms."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.segmentation import cross_entropy, focal_loss
from tfadvseg.losses.terms import CROSS_ENTROPY, SegmentationTerms, loss_of, term_sums
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.training.distribution import sum_over_replicas

LABEL = np.array([[[0, 1], [255, 2]], [[2, 0], [1, 255]]], np.int32)
EVERYTHING = SegmentationTerms((0.2, 1.0, 3.0), lambda_dice=0.7, lambda_focal=0.4, focal_gamma=1.5)


def random_logits(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 2, 2, 3)).astype(np.float32)


def whole(terms, boundary=None, label=LABEL) -> float:
    return float(segmentation_loss(tf.constant(random_logits()), label, terms, boundary))


def test_cross_entropy_alone_is_the_mean_over_valid_pixels():
    expected = np.sum(cross_entropy(random_logits(), LABEL)) / 6
    assert whole(CROSS_ENTROPY) == pytest.approx(expected, rel=1e-6)


def test_class_weights_and_boundaries_add_up_and_divide():
    # One logit of 0: a loss of ln 2 = 0.693147 per pixel for any label; 2 pixels are valid.
    logits = tf.constant([[[[0.0], [3.0], [0.0]]]])
    label = np.array([[[0, 1, 255]]], np.int32)
    boundary = tf.constant([[[4.0, 0.0, 9.0]]])
    sums = term_sums(logits, label, SegmentationTerms((1.0, 2.0)), boundary)
    # Weights 1 + 4 and 2; losses ln 2 and ln(1 + exp(-3)) = 0.048587.
    assert float(sums["weight"]) == 7
    expected = (5 * 0.693147 + 2 * 0.048587) / 7
    assert float(loss_of(sums, sums, SegmentationTerms((1.0, 2.0)))) == pytest.approx(
        expected, rel=1e-5
    )


def test_terms_are_weighted_sums():
    focal = np.sum(focal_loss(random_logits(), LABEL, 1.5)) / 6
    plain = SegmentationTerms(EVERYTHING.class_weights)
    with_focal = SegmentationTerms(EVERYTHING.class_weights, lambda_focal=0.4, focal_gamma=1.5)
    assert whole(with_focal) == pytest.approx(whole(plain) + 0.4 * focal, rel=1e-5)
    dice = whole(SegmentationTerms(lambda_dice=1.0)) - whole(CROSS_ENTROPY)
    assert 0 < dice < 1
    assert whole(EVERYTHING) == pytest.approx(whole(with_focal) + 0.7 * dice, rel=1e-5)


def test_parts_are_shares_of_the_whole():
    parts = [term_sums(random_logits()[i : i + 1], LABEL[i : i + 1], EVERYTHING) for i in range(2)]
    totals = {name: parts[0][name] + parts[1][name] for name in parts[0]}
    shares = [float(loss_of(part, totals, EVERYTHING, parts=2)) for part in parts]
    assert sum(shares) == pytest.approx(whole(EVERYTHING), rel=1e-5)
    assert float(loss_of(totals, totals, EVERYTHING)) == pytest.approx(whole(EVERYTHING), rel=1e-5)


def test_nothing_labelled_is_no_loss():
    nothing = np.full_like(LABEL, 255)
    assert whole(SegmentationTerms(lambda_focal=1.0), label=nothing) == 0


def test_two_replicas_have_the_gradient_of_the_whole_batch(two_replicas):
    logits = random_logits()
    label = LABEL.copy()
    label[0] = 255  # the first replica holds one valid pixel
    label[0, 0, 0] = 1
    boundary = np.abs(random_logits(3)[..., 0])
    offset = np.zeros(3, np.float32)

    def gradient_of(variable, logits, label, boundary):
        with tf.GradientTape() as tape:
            loss = segmentation_loss(logits + variable, label, EVERYTHING, boundary)
        return sum_over_replicas(loss), sum_over_replicas(tape.gradient(loss, variable))

    expected_loss, expected = gradient_of(tf.Variable(offset), logits, label, boundary)
    with two_replicas.scope():
        variable = tf.Variable(offset)
    dataset = tf.data.Dataset.from_tensor_slices((logits, label, boundary)).batch(2)

    @tf.function(autograph=False)
    def step(logits, label, boundary):
        return two_replicas.run(gradient_of, args=(variable, logits, label, boundary))

    (batch,) = two_replicas.experimental_distribute_dataset(dataset)
    loss, gradient = step(*batch)
    for part in two_replicas.experimental_local_results(loss):
        assert float(part) == pytest.approx(float(expected_loss), rel=1e-6)
    for part in two_replicas.experimental_local_results(gradient):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-7)
