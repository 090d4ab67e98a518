"""Models trained on resized images accept images of any size and resize them as in training."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from export_testing import COLOUR_SPEC, randomised_segmenter

from tfadvseg.config import SegmenterConfig
from tfadvseg.data.examples import Examples
from tfadvseg.data.resizing import resize_image
from tfadvseg.evaluation.report import evaluate_sections
from tfadvseg.evaluation.whole_images import predict_label
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.serving_module import build_serving_module
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.models.outputs import class_probabilities

SPEC = replace(COLOUR_SPEC, resize=(24, 40), channel_order="bgr")


def logits_on(segmenter: tf.keras.Model, resized: np.ndarray) -> tf.Tensor:
    normalised = (resized.astype(np.float32) - SPEC.mean) / SPEC.std
    return segmenter(normalised[np.newaxis, ..., ::-1], training=False)


def test_an_image_of_the_training_size_goes_through_as_it_is():
    segmenter = randomised_segmenter(SPEC)
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    probabilities = predictor_of(segmenter, SPEC).predict_probabilities(image[np.newaxis])
    expected = class_probabilities(logits_on(segmenter, image))
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_any_other_image_is_resized_and_the_answer_resized_back():
    segmenter = randomised_segmenter(SPEC)
    rough = np.random.default_rng(1).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    image = resize_image(rough, (50, 64))
    predictor = predictor_of(segmenter, SPEC)
    probabilities = predictor.predict_probabilities(image[np.newaxis])
    seen = logits_on(segmenter, resize_image(image, (24, 40)))
    expected = class_probabilities(tf.image.resize(seen, (50, 64)))
    np.testing.assert_allclose(probabilities, expected, atol=0.03)
    assert np.ptp(probabilities) > 0.2
    # Not in tiles, however small, because the model would resize each of them.
    label = predict_label(predictor, image, tile=16)
    np.testing.assert_array_equal(label, probabilities[0].argmax(-1))
    examples = Examples(("a",), (image,), (label,))
    measured = evaluate_sections(predictor, examples, tile=16)
    assert measured.metrics["accuracy"] == 1
    assert measured.confusion.sum() == 50 * 64


@pytest.mark.parametrize(
    "resize",
    [pytest.param((24, 40), id="resized", marks=pytest.mark.slow), pytest.param((), id="as it is")],
)
def test_probabilities_are_averaged_over_scales(resize):
    """Scales are relative to the network's input: to the size it resizes to, or to the image."""
    spec = replace(SPEC, resize=resize, test_scales=(0.5, 1.0, 1.5))
    segmenter = randomised_segmenter(spec)
    size = resize or (50, 64)
    rough = np.random.default_rng(1).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    image = resize_image(rough, (50, 64))
    predictor = predictor_of(segmenter, spec)
    probabilities = predictor.predict_probabilities(image[np.newaxis])
    each = [
        class_probabilities(
            tf.image.resize(
                logits_on(segmenter, resize_image(image, (int(f * size[0]), int(f * size[1])))),
                (50, 64),
            )
        )
        for f in spec.test_scales
    ]
    np.testing.assert_allclose(probabilities, np.mean(each, axis=0), atol=0.03)
    assert max(np.abs(one - probabilities).max() for one in each) > 0.1
    label = build_serving_module(segmenter, spec).serving_default(image[np.newaxis])["label"]
    np.testing.assert_array_equal(label, probabilities.argmax(-1))


def test_a_multi_level_network_answers_from_its_own_resolution():
    """As in the published evaluation: aligned corners, directly to the image's size."""
    spec = replace(SPEC, segmenter=SegmenterConfig("deeplab_v2", width=4, blocks=(1, 1, 1, 1)))
    segmenter = randomised_segmenter(spec)
    image = np.random.default_rng(2).integers(0, 256, (30, 50, 3)).astype(np.uint8)
    probabilities = predictor_of(segmenter, spec).predict_probabilities(image[np.newaxis])
    resized = resize_image(image, (24, 40)).astype(np.float32)
    normalised = ((resized - SPEC.mean) / SPEC.std)[np.newaxis, ..., ::-1].astype(np.float32)
    levels = segmenter.level_logits(normalised, training=False, domain=TARGET)
    expected = class_probabilities(resize_aligned(levels[-1], (30, 50)))
    np.testing.assert_allclose(probabilities, expected, atol=0.03)
