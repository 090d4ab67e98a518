import math

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.evaluation.darkfield_accuracy import (
    darkfield_accuracy,
    darkfield_names,
    darkfield_sums,
)

NAMES = ("background", "cell", "spirochaete")

LABEL = np.array(
    [
        [[0, 0, 1, 1, 1], [0, 0, 0, 1, 2]],
        [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]],
        [[0, 0, 0, 255, 255], [255, 255, 255, 0, 0]],
    ],
    np.int32,
)
PREDICTED = np.array(
    [
        [[0, 1, 1, 1, 0], [0, 0, 0, 1, 0]],
        [[0, 0, 0, 0, 2], [0, 0, 2, 1, 1]],
        [[0, 0, 0, 1, 2], [2, 1, 0, 0, 1]],
    ],
    np.int32,
)
"""Two images of 10 pixels; a third with 5 that count, all background, one of them taken for cell.

Cells: image 1 holds 4, of which 3 are found, beside 1 wrongly claimed: 3/4 - 2/10. Image 2 holds
2, both found: 1. Image 3 holds none, and 1 of 5 is claimed: 1 - 1/5.
Spirochaetes: image 1 holds 1, not found: 0 - 1/10. Image 2 holds none, 2 claimed: 1 - 2/10.
Image 3: none claimed: 1.
Background: image 1 holds 5, 4 found, 2 claimed: 4/5 - 3/10. Image 2 holds 8, 6 found:
6/8 - 2/10. Image 3 holds 5, 4 found: 4/5 - 1/5.
"""

EXPECTED = {
    "darkfield_accuracy_background": (0.5 + 0.55 + 0.6) / 3,
    "darkfield_accuracy_present_background": (0.5 + 0.55 + 0.6) / 3,
    "darkfield_accuracy_cell": (0.55 + 1 + 0.8) / 3,
    "darkfield_accuracy_present_cell": (0.55 + 1) / 2,
    "darkfield_accuracy_spirochaete": (-0.1 + 0.8 + 1) / 3,
    "darkfield_accuracy_present_spirochaete": -0.1,
}


def sums_of(label, predicted) -> np.ndarray:
    return darkfield_sums(
        tf.constant(label, tf.int32), tf.constant(predicted, tf.int32), len(NAMES)
    ).numpy()


def test_means_by_hand():
    assert darkfield_accuracy(sums_of(LABEL, PREDICTED), NAMES) == pytest.approx(EXPECTED)


def test_sums_by_hand():
    sums = sums_of(LABEL[:2], PREDICTED[:2])
    assert sums.dtype == np.float64
    expected = [[1.05, 1.55, 0.7], [2, 2, 2], [1.05, 1.55, -0.1], [2, 2, 1]]
    np.testing.assert_allclose(sums, expected)


def test_images_of_different_sizes_add_up_one_by_one():
    sums = sums_of(LABEL[:2], PREDICTED[:2])
    # The third image without its ignored pixels, in another shape.
    counted = LABEL[2] != 255
    sums += sums_of(LABEL[2][counted].reshape(1, 1, 5), PREDICTED[2][counted].reshape(1, 1, 5))
    assert darkfield_accuracy(sums, NAMES) == pytest.approx(EXPECTED)


def test_a_perfect_answer_scores_one_and_its_opposite_least():
    perfect = darkfield_accuracy(sums_of(LABEL, LABEL % 255), NAMES)
    assert perfect == pytest.approx({name: 1.0 for name in EXPECTED})
    everything = darkfield_accuracy(sums_of(np.full([1, 2, 2], 1), np.full([1, 2, 2], 2)), NAMES)
    assert everything["darkfield_accuracy_cell"] == -1
    assert everything["darkfield_accuracy_spirochaete"] == 0
    assert math.isnan(everything["darkfield_accuracy_present_spirochaete"])


def test_images_without_a_label_do_not_count():
    label = np.concatenate([LABEL, np.full([1, 2, 5], 255)])
    predicted = np.concatenate([PREDICTED, np.ones([1, 2, 5])])
    np.testing.assert_array_equal(sums_of(label, predicted), sums_of(LABEL, PREDICTED))


def test_nothing_measured_is_nan():
    metrics = darkfield_accuracy(np.zeros([4, 3]), NAMES)
    assert set(metrics) == set(EXPECTED) == set(darkfield_names(NAMES))
    assert all(math.isnan(value) for value in metrics.values())


def test_sums_over_replicas_with_unequal_shares_of_a_last_partial_batch(two_replicas):
    dataset = tf.data.Dataset.from_tensor_slices((LABEL, PREDICTED)).batch(2)

    @tf.function(reduce_retracing=True, autograph=False)
    def sums(label, predicted):
        per_replica = two_replicas.run(darkfield_sums, args=(label, predicted, len(NAMES)))
        return two_replicas.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    total = sum(
        sums(*batch).numpy() for batch in two_replicas.experimental_distribute_dataset(dataset)
    )
    np.testing.assert_allclose(total, sums_of(LABEL, PREDICTED))


def test_runs_in_a_graph_of_unknown_sizes_traced_once():
    @tf.function(input_signature=[tf.TensorSpec([None] * 3, tf.int32)] * 2, autograph=False)
    def sums(label, predicted):
        return darkfield_sums(label, predicted, len(NAMES))

    total = sums(LABEL, PREDICTED) + sums(LABEL[:1, :, :3], PREDICTED[:1, :, :3])
    expected = sums_of(LABEL, PREDICTED) + sums_of(LABEL[:1, :, :3], PREDICTED[:1, :, :3])
    np.testing.assert_allclose(total, expected)
    assert sums.experimental_get_tracing_count() == 1


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\).*\(1, 3, 2\)"):
        darkfield_sums(tf.zeros([1, 2, 3], tf.int32), tf.zeros([1, 3, 2], tf.int32), 3)
    with pytest.raises(ValueError, match="2 classes"):
        darkfield_accuracy(np.zeros([4, 3]), NAMES[:2])
