"""The atrous classifier, compared with dilated convolutions."""

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.models.multi_level import AtrousClassifier


@pytest.mark.parametrize("branches", [1, 2, 4])
@pytest.mark.parametrize("size", [(9, 13), (40, 60), (1, 1)])
def test_it_sums_its_dilated_convolutions(branches, size):
    generator = np.random.default_rng(0)
    features = tf.constant(generator.normal(size=(2, *size, 6)), tf.float32)
    classifier = AtrousClassifier(5, branches)
    classifier.build(features.shape)
    for variable in classifier.variables:
        variable.assign(generator.normal(size=variable.shape))
    used = classifier.trainable_variables
    assert len(used) == 2 * branches

    def dilated():
        return tf.add_n([conv(features) for conv in classifier.convolutions[:branches]])

    values, gradients = [], []
    for function in (lambda: classifier(features), dilated):
        with tf.GradientTape() as tape:
            logits = function()
            loss = tf.reduce_sum(tf.sin(logits))
        values.append(logits)
        gradients.append(tape.gradient(loss, used))
    assert values[0].shape == (2, *size, 5)
    np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-4)
    for ours, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)


def test_sizes_may_be_unknown():
    classifier = AtrousClassifier(3, 4)
    function = tf.function(classifier, input_signature=[tf.TensorSpec([None, None, None, 4])])
    assert function(tf.ones((1, 7, 5, 4))).shape == (1, 7, 5, 3)
