import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadvseg.config import DataConfig
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.sets.catalogue import descriptor_of, known_descriptor
from tfadvseg.evaluation.confusion import confusion_matrix, metric_names, segmentation_metrics

CAMVID = descriptor_of("camvid")
CAMVID_WITH_VOID = known_descriptor(DataConfig(dataset="camvid", void_as_class=True))
CITYSCAPES = descriptor_of("cityscapes_semseg")


def random_maps(seed: int, batch: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    label = generator.integers(0, classes, (batch, 5, 7)).astype(np.int32)
    label[generator.uniform(size=label.shape) < 0.2] = IGNORE_LABEL
    return label, generator.integers(0, classes, label.shape).astype(np.int32)


def counted_one_by_one(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((classes, classes), np.int64)
    for true, guess in zip(label.ravel(), predicted.ravel(), strict=True):
        if true != IGNORE_LABEL:
            counts[true, guess] += 1
    return counts


def test_rows_are_truth_and_ignored_pixels_are_left_out():
    label = tf.constant([[[0, 0, 1], [2, IGNORE_LABEL, 1]]])
    predicted = tf.constant([[[0, 1, 1], [0, 2, 1]]])
    counts = confusion_matrix(label, predicted, 3)
    assert counts.dtype == tf.int64
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 2, 0], [1, 0, 0]])


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 12), split=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_counts_add_up_over_unequal_batches_and_ignore_the_order_of_pixels(seed, classes, split):
    label, predicted = random_maps(seed, 5, classes)
    whole = confusion_matrix(label_tensor(label), label_tensor(predicted), classes).numpy()
    np.testing.assert_array_equal(whole, counted_one_by_one(label, predicted, classes))

    parts = sum(
        confusion_matrix(label_tensor(label[part]), label_tensor(predicted[part]), classes).numpy()
        for part in (slice(0, split), slice(split, None))
    )
    np.testing.assert_array_equal(parts, whole)

    order = np.random.default_rng(seed).permutation(label.size)
    shuffled = confusion_matrix(
        label_tensor(label.ravel()[order].reshape(label.shape)),
        label_tensor(predicted.ravel()[order].reshape(label.shape)),
        classes,
    )
    np.testing.assert_array_equal(shuffled, whole)


def label_tensor(values: np.ndarray) -> tf.Tensor:
    return tf.constant(values, tf.int32)


def test_runs_in_a_graph_of_unknown_batch_size():
    label, predicted = random_maps(3, 6, 4)
    signature = [tf.TensorSpec([None, None, None], tf.int32)] * 2

    @tf.function(input_signature=signature, autograph=False)
    def counts(label, predicted):
        return confusion_matrix(label, predicted, 4)

    total = counts(label[:4], predicted[:4]) + counts(label[4:], predicted[4:])
    np.testing.assert_array_equal(total, counted_one_by_one(label, predicted, 4))
    assert counts.experimental_get_tracing_count() == 1


def test_sums_over_replicas_with_unequal_shares(two_replicas):
    label, predicted = random_maps(4, 5, 3)
    dataset = tf.data.Dataset.from_tensor_slices((label, predicted)).batch(4)

    @tf.function(reduce_retracing=True, autograph=False)
    def counts(label, predicted):
        per_replica = two_replicas.run(confusion_matrix, args=(label, predicted, 3))
        return two_replicas.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    total = sum(
        counts(*batch).numpy() for batch in two_replicas.experimental_distribute_dataset(dataset)
    )
    np.testing.assert_array_equal(total, counted_one_by_one(label, predicted, 3))


def test_counts_stay_exact_beyond_single_precision():
    many = 2**24 + 1
    counts = confusion_matrix(tf.ones([1, 1, many], tf.int32), tf.ones([1, 1, many], tf.int32), 2)
    assert counts[1, 1] == many


def test_maps_of_different_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\).*\(1, 3, 2\)"):
        confusion_matrix(tf.zeros([1, 2, 3], tf.int32), tf.zeros([1, 3, 2], tf.int32), 2)


def test_metrics_by_hand():
    metrics = segmentation_metrics(np.array([[6, 2], [1, 11]]), ("membrane", "cell"))
    assert metrics == pytest.approx(
        {
            "accuracy": 17 / 20,
            "class_accuracy": (6 / 8 + 11 / 12) / 2,
            "miou": (6 / 9 + 11 / 14) / 2,
            "f1_membrane": 12 / 15,
            "f1_cell": 22 / 25,
            "iou_membrane": 6 / 9,
            "iou_cell": 11 / 14,
            "precision_membrane": 6 / 7,
            "precision_cell": 11 / 13,
            "recall_membrane": 6 / 8,
            "recall_cell": 11 / 12,
        }
    )


def test_an_absent_class_does_not_count_as_zero():
    metrics = segmentation_metrics(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert metrics["miou"] == pytest.approx((3 / 4 + 4 / 5) / 2)
    assert all(math.isnan(metrics[f"{m}_c"]) for m in ("f1", "iou", "precision", "recall"))


def test_a_class_that_is_only_predicted_or_only_true_counts_as_zero():
    # Class 2 is predicted once and never true; class 1 is true and never predicted.
    metrics = segmentation_metrics(np.array([[3, 0, 1], [2, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert metrics["iou_b"] == metrics["iou_c"] == 0
    assert metrics["miou"] == pytest.approx(3 / 6 / 3)
    assert math.isnan(metrics["precision_b"]) and metrics["recall_b"] == 0
    assert metrics["precision_c"] == 0 and math.isnan(metrics["recall_c"])


def published_iou(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """IoU per class as computed by the published evaluations of Cityscapes; NaN for 0 / 0."""
    valid = label < classes
    cells = classes * label[valid] + predicted[valid]
    counts = np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    with np.errstate(invalid="ignore"):
        return np.diag(counts) / (counts.sum(1) + counts.sum(0) - np.diag(counts))


@given(seed=st.integers(0, 2**32 - 1), occurring=st.integers(1, 19))
@settings(max_examples=20, deadline=None)
def test_street_metrics_are_the_published_ones(seed, occurring):
    label, predicted = random_maps(seed, 2, occurring)
    counts = confusion_matrix(label_tensor(label), label_tensor(predicted), 19).numpy()
    metrics = segmentation_metrics(counts, CITYSCAPES.class_names)
    iou = published_iou(label, predicted, 19)
    measured = [metrics[f"iou_{name}"] for name in CITYSCAPES.class_names]
    assert measured == pytest.approx(iou, nan_ok=True)
    assert metrics["miou"] == pytest.approx(np.nanmean(iou))
    without = {"terrain", "truck", "train"}
    for metric, absent in (("miou_16", without), ("miou_13", {*without, "wall", "fence", "pole"})):
        kept = [
            value
            for name, value in zip(CITYSCAPES.class_names, iou, strict=True)
            if name not in absent
        ]
        assert metrics[metric] == pytest.approx(np.nanmean(kept))


def test_means_over_the_classes_of_synthia_by_hand():
    counts = np.zeros((19, 19), np.int64)
    road, wall, terrain, car = 0, 3, 9, 13
    counts[road, road], counts[road, terrain] = 6, 2
    counts[wall, wall], counts[wall, road] = 1, 3
    counts[terrain, terrain] = 5
    counts[car, car] = 4
    metrics = segmentation_metrics(counts, CITYSCAPES.class_names)
    iou = {"road": 6 / 11, "wall": 1 / 4, "terrain": 5 / 7, "car": 1}
    assert metrics["miou"] == pytest.approx(sum(iou.values()) / 4)
    assert metrics["miou_16"] == pytest.approx((iou["road"] + iou["wall"] + iou["car"]) / 3)
    assert metrics["miou_13"] == pytest.approx((iou["road"] + iou["car"]) / 2)


def test_only_the_classes_of_cityscapes_have_means_over_fewer():
    names = [f"class_{number}" for number in range(19)]
    assert "miou_16" not in segmentation_metrics(np.eye(19, dtype=int), names)


def test_metrics_without_void_by_hand():
    counts = np.zeros((12, 12), np.int64)
    sky, road, car, void = 0, 3, 8, 11
    counts[sky, sky], counts[sky, void] = 6, 2
    counts[road, road], counts[road, car], counts[road, void] = 7, 1, 1
    counts[car, car] = 3
    # Where the truth is void, no prediction counts, neither for a class nor against it.
    counts[void, void], counts[void, sky], counts[void, car] = 5, 4, 6
    metrics = segmentation_metrics(counts, CAMVID_WITH_VOID.class_names)
    assert metrics["accuracy"] == pytest.approx(21 / 35)
    assert metrics["accuracy_without_void"] == pytest.approx(16 / 20)
    iou = {"sky": 6 / 12, "road": 7 / 9, "car": 3 / 10, "void": 5 / 18}
    assert metrics["miou"] == pytest.approx(sum(iou.values()) / 4)
    assert metrics["miou_without_void"] == pytest.approx((6 / 8 + 7 / 9 + 3 / 4) / 3)


def test_pixels_of_void_alone_have_no_metrics_without_void():
    counts = np.zeros((12, 12), np.int64)
    counts[11, 0], counts[11, 11] = 3, 4
    metrics = segmentation_metrics(counts, CAMVID_WITH_VOID.class_names)
    assert metrics["accuracy"] == pytest.approx(4 / 7)
    assert math.isnan(metrics["accuracy_without_void"])
    assert math.isnan(metrics["miou_without_void"])


def test_only_camvid_with_void_has_metrics_without_it():
    without = {"accuracy_without_void", "miou_without_void"}
    assert without <= set(metric_names(CAMVID_WITH_VOID.class_names))
    assert without.isdisjoint(metric_names(CAMVID.class_names))
    assert without.isdisjoint(metric_names([f"class_{number}" for number in range(12)]))


def test_nothing_counted_is_nan_throughout():
    metrics = segmentation_metrics(np.zeros((2, 2), np.int64), ("a", "b"))
    assert all(math.isnan(value) for value in metrics.values())


@given(st.lists(st.integers(0, 1000), min_size=9, max_size=9), st.permutations(range(3)))
def test_metrics_follow_a_renaming_of_classes(counts, order):
    confusion = np.array(counts).reshape(3, 3)
    names = np.array(["a", "b", "c"])
    metrics = segmentation_metrics(confusion, names)
    renamed = segmentation_metrics(confusion[np.ix_(order, order)], names[order])
    assert renamed == pytest.approx(metrics, nan_ok=True)


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match="3 classes"):
        segmentation_metrics(np.zeros((2, 2)), ("a", "b", "c"))
