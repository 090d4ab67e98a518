import numpy as np
import pytest

from tfadvseg.errors import UserError
from tfadvseg.evaluation.image_metrics import (
    IMAGE_METRICS,
    MeasuredTask,
    measure_image,
    metrics_of_sums,
)
from tfadvseg.evaluation.per_image import per_image_csv, write_image_sums
from tfadvseg.evaluation.report import Evaluation
from tfadvseg.files.image_sums import read_image_sums

TASK = MeasuredTask(("membrane", "cell"), foreground_class=1, darkfield_accuracy=True)


def image(seed):
    generator = np.random.default_rng(seed)
    label = (generator.uniform(size=(6, 6)) < 0.6).repeat(4, 0).repeat(4, 1).astype(np.uint8)
    positive = np.clip(0.7 * label + 0.3 * generator.uniform(size=label.shape), 0, 1)
    return label, np.stack([1 - positive, positive], axis=-1).astype(np.float32)


def test_sums_of_images_add_up():
    """Measured apart and added is measured together: of pixels, of sections, of distances."""
    sums = [measure_image(*image(seed), TASK) for seed in range(3)]
    assert list(sums[0]) == list(IMAGE_METRICS)
    totals = {name: sum(each[name] for each in sums) for name in sums[0]}
    metrics = metrics_of_sums(totals, TASK)
    alone = [metrics_of_sums(each, TASK) for each in sums]
    for name in ("hd95_cell", "assd_membrane", "darkfield_accuracy_cell"):
        assert metrics[name] == pytest.approx(np.mean([each[name] for each in alone])), name
    for name in ("found_cell", "missed_membrane"):
        assert metrics[name] == sum(each[name] for each in alone), name
    # One size, so equal weights: of pixels, too.
    assert metrics["accuracy"] == pytest.approx(np.mean([each["accuracy"] for each in alone]))
    thresholds = {each["v_rand_threshold"] for each in alone}
    best = np.mean([each["v_rand"] for each in alone])
    assert (
        metrics["v_rand"] == pytest.approx(best)
        if len(thresholds) == 1
        else (metrics["v_rand"] <= best)
    )


def test_what_a_task_does_without():
    plain = MeasuredTask(("a", "b"), outlines=False)
    assert list(measure_image(*image(0), plain)) == ["confusion", "calibration"]


def test_sizes_must_agree():
    label, probabilities = image(0)
    with pytest.raises(ValueError, match=r"label is \(20, 24\), probabilities are \(24, 24\)"):
        measure_image(label[4:], probabilities, TASK)


def evaluation():
    sums = [measure_image(*image(seed), TASK) for seed in range(2)]
    stacked = {name: np.stack([each[name] for each in sums]) for name in sums[0]}
    totals = {name: each.sum(axis=0) for name, each in stacked.items()}
    return Evaluation(metrics_of_sums(totals, TASK), stacked, TASK)


def test_sums_are_read_back(tmp_path):
    measured = evaluation()
    write_image_sums(tmp_path / "sums.npz", ["one", "zwei, 2"], measured)
    found = read_image_sums(tmp_path / "sums.npz")
    sums = found.sums
    assert found.keys == ("one", "zwei, 2")
    assert sums.keys() == measured.image_sums.keys()
    assert all(np.array_equal(sums[name], measured.image_sums[name]) for name in sums)
    assert read_image_sums(tmp_path / "absent.npz") is None
    (tmp_path / "bad.npz").write_text("no archive")
    with pytest.raises(UserError, match=r"bad\.npz: not the sums of an evaluation"):
        read_image_sums(tmp_path / "bad.npz")


def test_a_row_per_image_has_all_that_was_measured():
    measured = evaluation()
    header, first, _ = [line.split(",") for line in per_image_csv("ab", measured).splitlines()]
    assert header[:5] == ["image", "miou", "accuracy", "iou_membrane", "iou_cell"]
    assert {"ece", "hd95", "boundary_iou_cell", "v_rand", "invented_cell"} < {*header}
    row = dict(zip(header, first, strict=True))
    assert float(row["hd95_cell"]) == pytest.approx(measured.image_metrics(0)["hd95_cell"])
