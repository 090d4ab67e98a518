"""Validation metrics on whole images, compared with values computed by hand."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config import Config, DiscriminatorConfig
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.examples import Examples
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.pipeline import whole_images
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.windows import BoundaryMaps
from tfadvseg.evaluation.darkfield_accuracy import darkfield_names
from tfadvseg.evaluation.label_metrics import label_metrics
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.training.state import Learner, TrainState
from tfadvseg.training.validation import DInputs, make_validator, no_maps

CELLS = descriptor_of("cells")

LABELS = (
    np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8),
    np.array([[0, 0, 2, 2, IGNORE_LABEL]], np.uint8),
)
PREDICTED = (
    np.array([[0, 0, 1, 0], [0, 1, 1, 1]], np.uint8),
    np.array([[0, 2, 2, 0, 1]], np.uint8),
)
"""An image of 8 pixels, and one of which 4 count. What `segmenter` answers; `standard` takes all
for background.

Background: image 1 holds 4, 3 found, 1 wrongly claimed: 3/4 - 2/8. Image 2 holds 2, 1 found, 1
wrongly claimed: 1/2 - 2/4. Red blood cells: image 1 as its background. Image 2 holds none, none
claimed where it counts: 1. Spirochaetes: image 1 holds none, none claimed: 1. Image 2 as its
background.

Standard: background 1 - 4/8 and 1 - 2/4; red blood cells 0 - 4/8 and 1; spirochaetes 1 and 0 - 2/4.
"""

EXPECTED = {
    "segmenter": {
        "background": (0.5 + 0) / 2,
        "present_background": (0.5 + 0) / 2,
        "red_blood_cell": (0.5 + 1) / 2,
        "present_red_blood_cell": 0.5,
        "spirochaete": (1 + 0) / 2,
        "present_spirochaete": 0,
    },
    "standard": {
        "background": 0.5,
        "present_background": 0.5,
        "red_blood_cell": (-0.5 + 1) / 2,
        "present_red_blood_cell": -0.5,
        "spirochaete": (1 - 0.5) / 2,
        "present_spirochaete": -0.5,
    },
}


def learner(name: str, kernel: str) -> Learner:
    """A network of one dense layer, whose logits are its input or zero."""
    image = tf.keras.Input((None, None, 3))
    logits = tf.keras.layers.Dense(3, use_bias=False, kernel_initializer=kernel)(image)
    return Learner(tf.keras.Model(image, logits), tf.keras.optimizers.SGD(), name)


def discriminator() -> Learner:
    """Answers real where a map gives class 1 more than class 0."""
    maps = tf.keras.Input((None, None, 3))
    answer = tf.keras.layers.Dense(1, use_bias=False)
    model = tf.keras.Model(maps, answer(maps))
    answer.kernel.assign([[-1.0], [1.0], [0.0]])
    return Learner(model, tf.keras.optimizers.SGD(), "discriminator", role="discriminator")


def measured(
    strategy: tf.distribute.Strategy,
    images: int = 2,
    maps: DInputs | None = None,
    boundaries: BoundaryMaps | None = None,
    **options,
) -> dict[str, float]:
    """Images show the wanted answer of `segmenter`; each comes with a fill image."""
    with strategy.scope():
        step = tf.Variable(0, dtype=tf.int64, trainable=False)
        segmenter, standard = learner("segmenter", "identity"), learner("standard", "zeros")
        learners = {"segmenter": segmenter, "standard": standard}
        if maps is not None:
            learners["discriminator"] = discriminator()
    state = TrainState(step, learners)
    images_shown = tuple(np.eye(3, dtype=np.uint8)[predicted] for predicted in PREDICTED[:images])
    examples = Examples(("a", "b")[:images], images_shown, LABELS[:images])
    dataset = whole_images(examples, Normalisation((0.0,) * 3, (1.0,) * 3), 2, boundaries)
    return make_validator(state, strategy, CELLS.class_names, maps or no_maps, **options)(dataset)


@pytest.mark.parametrize("replicas", [1, 2])
def test_darkfield_accuracy_by_hand(replicas, two_replicas):
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    metrics = measured(strategy, metrics=label_metrics(darkfield=True))
    for network, expected in EXPECTED.items():
        for name, value in expected.items():
            key = f"val/{network}/darkfield_accuracy_{name}"
            assert metrics[key] == pytest.approx(value, abs=1e-9), key
    assert metrics["val/segmenter/accuracy"] == pytest.approx(8 / 12)
    assert metrics["val/standard/recall_background"] == 1


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_loss_is_that_of_training_over_all_valid_pixels(replicas, two_replicas):
    """A logit of 1 for the class that an image shows, 0 for the others.

    Right and wrong pixels: 4 and 2 of background, 3 and 1 of red blood cells, 1 and 1 of
    spirochaetes; the boundary adds 3 to the weight of a right pixel of background.
    """
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    levels = tuple(np.zeros(label.shape, np.uint8) for label in LABELS)
    levels[0][0, 0] = levels[1][0, -1] = 100  # the latter where no label counts
    terms = SegmentationTerms((1.0, 2.0, 4.0), lambda_dice=0.5, lambda_focal=0.25, focal_gamma=1.0)
    metrics = measured(strategy, terms=terms, boundaries=BoundaryMaps(levels, unit=0.03))
    high, low = math.e / (math.e + 2), 1 / (math.e + 2)
    right, wrong = -math.log(high), -math.log(low)
    weighted = (4 + 3 + 3 * 2 + 1 * 4) * right + (2 + 1 * 2 + 1 * 4) * wrong
    cross_entropy = weighted / (6 + 3 + 4 * 2 + 2 * 4)
    focal = (8 * (1 - high) * right + 4 * (1 - low) * wrong) / 12
    coefficients = [
        (2 * (4 * high + 2 * low) + 1) / (6 + 6 * high + 6 * low + 1),
        (2 * (3 * high + 1 * low) + 1) / (4 + 4 * high + 8 * low + 1),
        (2 * (1 * high + 1 * low) + 1) / (2 + 2 * high + 10 * low + 1),
    ]
    expected = cross_entropy + 0.5 * (1 - np.mean(coefficients)) + 0.25 * focal
    assert metrics["val/segmenter/loss_seg"] == pytest.approx(expected, rel=1e-6)
    plain = measured(strategy)
    assert plain["val/segmenter/loss_seg"] == pytest.approx((8 * right + 4 * wrong) / 12, rel=1e-6)
    assert plain["val/standard/loss_seg"] == pytest.approx(math.log(3), rel=1e-6)


@pytest.mark.parametrize("replicas", [1, 2])
def test_d_is_measured_image_by_image_without_the_filling(replicas, two_replicas):
    """In image 1 half the pixels are red blood cells, true and predicted; image 2 has none."""
    strategy = two_replicas if replicas == 2 else tf.distribute.get_strategy()
    shown = DiscriminatorConfig("patch", d_image="none", d_truth="one_hot")
    config = Config(discriminator=shown)
    metrics = measured(
        strategy, maps=functools.partial(METHODS["adversarial"].validation_maps, config)
    )
    assert metrics["val/d/accuracy_real"] == pytest.approx((0.5 + 0) / 2)
    assert metrics["val/d/accuracy_fake"] == pytest.approx((0.5 + 1) / 2)
    assert metrics["val/d/fooling_rate"] == pytest.approx(0.25)
    assert not any(name.startswith("val/d/") for name in measured(strategy))


def test_the_average_of_the_weights_is_measured_where_there_is_one():
    own, average = (learner("segmenter", "zeros").model for _ in range(2))
    averaging = Learner(own, tf.keras.optimizers.SGD(), "segmenter", averaged=average)
    average.set_weights([np.eye(3)])
    state = TrainState(tf.Variable(0, dtype=tf.int64), {"segmenter": averaging})
    images = tuple(np.eye(3, dtype=np.uint8)[predicted] for predicted in PREDICTED)
    examples = Examples(("a", "b"), images, LABELS)
    dataset = whole_images(examples, Normalisation((0.0,) * 3, (1.0,) * 3), copies=1)
    validate = make_validator(state, tf.distribute.get_strategy(), CELLS.class_names)
    assert validate(dataset)["val/segmenter/accuracy"] == pytest.approx(8 / 12)


def test_darkfield_accuracy_of_images_without_a_class_is_nan():
    metrics = measured(
        tf.distribute.get_strategy(), images=1, metrics=label_metrics(darkfield=True)
    )
    assert math.isnan(metrics["val/segmenter/darkfield_accuracy_present_spirochaete"])
    assert metrics["val/segmenter/darkfield_accuracy_spirochaete"] == 1


def test_darkfield_accuracy_is_measured_only_where_it_is_asked_for():
    without = measured(tf.distribute.get_strategy())
    asked_for = measured(tf.distribute.get_strategy(), metrics=label_metrics(darkfield=True))
    assert set(asked_for) - set(without) == {
        f"val/{network}/{name}"
        for network in EXPECTED
        for name in darkfield_names(CELLS.class_names)
    }
    assert {name: asked_for[name] for name in without} == pytest.approx(without, nan_ok=True)
