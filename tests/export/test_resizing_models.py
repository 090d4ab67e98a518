"""Models of resized images take images of any size, and see what training saw."""

from dataclasses import replace

import numpy as np
import tensorflow as tf
from export_testing import COLOUR_SPEC, randomised_segmenter

from tfadvseg.data.examples import Examples
from tfadvseg.data.resizing import resize_image
from tfadvseg.evaluation.report import evaluate_sections
from tfadvseg.export.run_model import predictor_of
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.prediction import predict_label

SPEC = replace(COLOUR_SPEC, resize=(24, 40), channel_order="bgr")


def expected_on(segmenter: tf.keras.Model, resized: np.ndarray) -> np.ndarray:
    normalised = (resized.astype(np.float32) - SPEC.mean) / SPEC.std
    return class_probabilities(segmenter(normalised[np.newaxis, ..., ::-1], training=False)).numpy()


def test_an_image_of_the_training_size_goes_through_as_it_is():
    segmenter = randomised_segmenter(SPEC)
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    probabilities = predictor_of(segmenter, SPEC).predict_probabilities(image[np.newaxis])
    np.testing.assert_allclose(probabilities, expected_on(segmenter, image), atol=1e-4)


def test_any_other_image_is_resized_and_the_answer_resized_back():
    segmenter = randomised_segmenter(SPEC)
    rough = np.random.default_rng(1).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    image = resize_image(rough, (50, 64))
    predictor = predictor_of(segmenter, SPEC)
    probabilities = predictor.predict_probabilities(image[np.newaxis])
    seen = expected_on(segmenter, resize_image(image, (24, 40)))
    expected = tf.image.resize(seen, (50, 64))
    np.testing.assert_allclose(probabilities, expected, atol=0.03)
    assert np.ptp(probabilities) > 0.2
    # Not in tiles, however small these are, of which the model would resize each.
    label = predict_label(predictor, image, tile=16)
    np.testing.assert_array_equal(label, probabilities[0].argmax(-1))
    examples = Examples(("a",), (image,), (label,))
    measured = evaluate_sections(predictor, examples, tile=(16, 16))
    assert measured.metrics["accuracy"] == 1
    assert measured.confusion.sum() == 50 * 64
