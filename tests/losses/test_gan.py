"""Adversarial losses by hand, for one logit and for maps of patches."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tfadvseg.losses.gan import (
    FAKE,
    REAL,
    SOURCE,
    TARGET,
    answers,
    balancing_weight,
    discriminator_loss,
    segmenter_loss,
)

LOG_2 = math.log(2)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("label", "logit", "expected"),
    [
        (REAL, 0.0, LOG_2),
        (FAKE, 0.0, LOG_2),
        (REAL, 2.0, 0.126928),
        (FAKE, 2.0, 2.126928),
        (FAKE, -3.0, 0.048587),
    ],
)
@pytest.mark.parametrize("shape", [[2, 1, 1, 1], [2, 3, 5, 1]])
def test_cross_entropy_of_one_logit_and_of_patches(label, logit, expected, shape):
    for loss in (discriminator_loss, segmenter_loss):
        result = loss(tf.fill(shape, logit), label)
        assert result.shape == shape
        np.testing.assert_allclose(result, np.full(shape, expected), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3, 1)])
def test_values_by_hand_in_any_shape(shape):
    logits = tf.reshape(tf.constant([-1.0, 0.0, 2.0]), shape)
    expected = {
        ("vanilla", SOURCE): [softplus(-1), LOG_2, softplus(2)],
        ("vanilla", TARGET): [softplus(1), LOG_2, softplus(-2)],
        ("ls", SOURCE): [1, 0, 4],
        ("ls", TARGET): [4, 1, 1],
    }
    for (gan, label), values in expected.items():
        loss = discriminator_loss(logits, label, gan)
        np.testing.assert_allclose(loss, np.reshape(values, shape), rtol=1e-6)


def test_label_smoothing_is_least_where_d_answers_one_minus_it():
    # BCE against 0.9 is least at sigmoid(logit) = 0.9, where it is the entropy of (0.9, 0.1).
    logits = tf.constant([1.0, np.log(9.0), 4.0], tf.float32)
    losses = discriminator_loss(logits, REAL, smoothing=0.1).numpy()
    np.testing.assert_allclose(losses[1], 0.325083, rtol=1e-4)
    assert losses[0] > losses[1] < losses[2]


def test_huge_logits_stay_finite():
    np.testing.assert_allclose(discriminator_loss(tf.constant([-1e4, 1e4]), TARGET), [1e4, 0])


def test_an_answer_is_the_nearer_label():
    logits = tf.constant([-3.0, 0.2, 0.7])
    np.testing.assert_array_equal(answers(logits, TARGET), [False, True, True])
    np.testing.assert_array_equal(answers(logits, SOURCE), [True, False, False])
    np.testing.assert_array_equal(answers(logits, TARGET, "ls"), [False, False, True])
    np.testing.assert_array_equal(answers(logits, SOURCE, "ls"), [True, True, False])


def test_hinge_by_hand():
    logits = tf.constant([-3.0, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(discriminator_loss(logits, REAL, "hinge"), [4, 1, 0.5, 0])
    np.testing.assert_allclose(discriminator_loss(logits, FAKE, "hinge"), [0, 1, 1.5, 3])
    np.testing.assert_allclose(segmenter_loss(logits, REAL, "hinge"), [3, 0, -0.5, -2])
    np.testing.assert_allclose(segmenter_loss(logits, FAKE, "hinge"), [-3, 0, 0.5, 2])
    np.testing.assert_array_equal(answers(logits, REAL, "hinge"), [False, False, True, True])


def test_relativistic_logits_are_compared_with_the_other_side_s_mean():
    real, fake = tf.constant([1.0, 3.0]), tf.constant([-1.0, 0.0, 4.0])
    d_real = discriminator_loss(real, REAL, "relativistic", other_mean=tf.reduce_mean(fake))
    np.testing.assert_allclose(d_real, [LOG_2, softplus(-2)], rtol=1e-6)
    s_fake = segmenter_loss(fake, REAL, "relativistic", other_mean=tf.reduce_mean(real))
    np.testing.assert_allclose(s_fake, [softplus(3), softplus(2), softplus(-2)], rtol=1e-6)
    right = answers(fake, FAKE, "relativistic", tf.reduce_mean(real))
    np.testing.assert_array_equal(right, [True, True, False])
    with pytest.raises(ValueError, match="other side"):
        discriminator_loss(real, REAL, "relativistic")


@pytest.fixture(scope="module")
def reference():
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    settings = json.loads((folder / "gan_losses.json").read_text())
    with np.load(folder / "gan_losses.npz") as arrays:
        return settings, dict(arrays)


def sides(real, fake, gan):
    """D's losses on real and on fake maps and S's on both, as means."""
    mean = tf.reduce_mean
    compares = gan == "relativistic"
    of_real, of_fake = (mean(real), mean(fake)) if compares else (None, None)
    s_fake = mean(segmenter_loss(fake, REAL, gan, of_real))
    s_real = mean(segmenter_loss(real, FAKE, gan, of_fake)) if compares else 0.0
    return (
        mean(discriminator_loss(real, REAL, gan, other_mean=of_fake)),
        mean(discriminator_loss(fake, FAKE, gan, other_mean=of_real)),
        s_fake + s_real,
    )


@pytest.mark.needs_shared_data
@pytest.mark.parametrize(
    ("gan", "name", "of_d", "of_s"),
    [
        # Of the sum of D's two means and of S's loss, the share that the published code takes.
        ("vanilla", "tfgan_modified", 1.0, 1.0),
        ("ls", "tfgan_least_squares", 0.5, 0.5),
        ("hinge", "tfgan_hinge", 1.0, 1.0),
        ("relativistic", "tfgan_relativistic", 1.0, 1.0),
        ("vanilla", "advsemiseg", 0.5, 1.0),
    ],
)
def test_values_and_gradients_are_the_published_ones(gan, name, of_d, of_s, reference):
    settings, arrays = reference
    real, fake = (tf.constant(arrays[side], tf.float32) for side in ("real", "fake"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        on_real, on_fake, loss_s = sides(real, fake, gan)
        losses = {"discriminator": of_d * (on_real + on_fake), "generator": of_s * loss_s}
    names = {"discriminator": f"{name}_discriminator", "generator": f"{name}_generator"}
    if name == "advsemiseg":
        names = {"discriminator": "advsemiseg_D", "generator": "advsemiseg_S"}
    elif gan == "hinge":
        names["generator"] = "tfgan_wasserstein_generator"
    for network, loss in losses.items():
        expected = settings["values"][names[network]]
        np.testing.assert_allclose(loss, expected, rtol=1e-6)
        for side, logits in (("real", real), ("fake", fake)):
            key = f"{names[network]}/d_{side}"
            if key in arrays:
                np.testing.assert_allclose(tape.gradient(loss, logits), arrays[key], atol=1e-7)


@pytest.mark.needs_shared_data
@pytest.mark.parametrize("gan", ["vanilla", "ls"])
def test_domains_are_labelled_as_in_adaptsegnet(gan, reference):
    settings, arrays = reference
    source, target = (tf.constant(arrays[side], tf.float32) for side in ("real", "fake"))
    loss_d = 0.5 * (
        tf.reduce_mean(discriminator_loss(source, SOURCE, gan))
        + tf.reduce_mean(discriminator_loss(target, TARGET, gan))
    )
    loss_s = tf.reduce_mean(segmenter_loss(target, SOURCE, gan))
    values = settings["values"]
    np.testing.assert_allclose(loss_d, values[f"adaptsegnet_{gan}_D"], rtol=1e-6)
    np.testing.assert_allclose(loss_s, values[f"adaptsegnet_{gan}_S"], rtol=1e-6)


@pytest.mark.needs_shared_data
def test_the_balancing_weight_is_that_of_tfgan(reference):
    combine = reference[0]["combine"]
    weight = balancing_weight(
        tf.constant(combine["main_gradient_norm"], tf.float64),
        tf.constant(combine["adversarial_gradient_norm"], tf.float64),
        tf.constant(1 / combine["gradient_ratio"], tf.float64),
        epsilon=combine["gradient_ratio_epsilon"],
    )
    np.testing.assert_allclose(weight, combine["coefficient"], rtol=1e-12)
