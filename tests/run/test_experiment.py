"""A whole run within this process: pipeline, training, validation, pictures, result."""

import csv
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.testing_utils import tiny_config
from tfadvseg.config import LossConfig, OptimizerConfig
from tfadvseg.data import folder_pages
from tfadvseg.data.examples import Examples
from tfadvseg.data.on_disk import OnDisk
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import Splits
from tfadvseg.errors import UserError
from tfadvseg.export.model_source import load_predictor
from tfadvseg.export.run_model import load_run_segmenter, predictor_of
from tfadvseg.files.checkpoints import checkpoint_paths
from tfadvseg.losses.boundary import boundary_weights
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.run import experiment, loading, machine, networks
from tfadvseg.run.inputs import boundary_maps
from tfadvseg.run.prediction import read_pages

MEMBRANES = descriptor_of("membranes")


@pytest.fixture
def data_dir(tmp_path) -> Path:
    generator = np.random.default_rng(0)
    for number in range(8):
        label = (generator.uniform(size=(6, 6)) < 0.5).repeat(4, 0).repeat(4, 1)
        image = 60 + 120 * label + 20 * generator.normal(size=label.shape)
        for part, pixels in (("images", image.clip(0, 255)), ("labels", label)):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(
                tmp_path / "data" / part / f"{number}.png"
            )
    return tmp_path / "data"


@pytest.mark.parametrize(("rule", "weight"), [("none", 1), ("median_frequency", 0)])
def test_classes_absent_from_training_are_named(rule, weight, caplog):
    blank = Examples(("a",), (np.zeros((4, 4, 1), np.uint8),), (np.zeros((4, 4), np.uint8),))
    with caplog.at_level(logging.WARNING):
        networks.segmentation_terms(LossConfig(class_weights=rule), Splits(MEMBRANES, blank, blank))
    assert [record.getMessage() for record in caplog.records] == [
        "Class 'cell' occurs in no training image; it will not be learned "
        f"(its weight in the loss: {weight})."
    ]


@pytest.mark.parametrize(
    ("held", "weights", "least", "most", "warned"),
    [
        ([0, 1], "none", 1, 16, []),
        ([0, 1], (1.0, 2.0), 1, 16, []),
        ([0, 1], "median_frequency", 40, 40, []),
        ([0, 0], "none", 40, 40, ["cell"]),
    ],
)
def test_labels_on_disk_are_read_until_every_class_was_met(
    held, weights, least, most, warned, caplog
):
    """At most sixteen at a time; all of them only where a class is nowhere, or pixels count."""
    decoded = []

    class Stored:
        def __init__(self, number: int) -> None:
            self.number = number

        def read(self) -> np.ndarray:
            decoded.append(self.number)
            return np.array([held], np.uint8)

    labels = OnDisk(Stored(number) for number in range(40))
    images = tuple(np.zeros((1, 2, 1), np.uint8) for _ in labels.stored)
    many = Examples(tuple(map(str, range(40))), images, labels)
    with caplog.at_level(logging.WARNING):
        terms = networks.segmentation_terms(LossConfig(weights), Splits(MEMBRANES, many, many))
    expected = {"none": None, "median_frequency": (1.0, 1.0)}.get(weights, weights)
    assert terms.class_weights == expected
    assert len(decoded) == len(set(decoded))
    assert least <= len(decoded) <= most
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split("'")[1] for message in messages] == warned


@pytest.mark.slow
@pytest.mark.parametrize(
    "windows",
    [pytest.param(0, id="whole"), pytest.param(3, id="windows")],
)
def test_training_images_are_measured_beside_validation(data_dir, tmp_path, windows):
    # Smaller than a window: enlarged to fit in training, and left out of validation.
    Image.fromarray(np.zeros((12, 12), np.uint8)).save(data_dir / "images" / "small.png")
    Image.fromarray(np.full((12, 12), 1, np.uint8)).save(data_dir / "labels" / "small.png")
    lists = {}
    for name, stems in (("train", ["small", "1", "2"]), ("val", ["3", "4"])):
        lists[f"{name}_list"] = str(tmp_path / f"{name}.txt")
        Path(lists[f"{name}_list"]).write_text("\n".join(stems))
    config = tiny_config(
        data={
            "dataset": "folder",
            "data_dir": str(data_dir),
            "val_windows": windows,
            "augment": ("scale",),
            **lists,
        },
        method={"method": "supervised"},
        run={"output_dir": str(tmp_path / "run"), "epochs": 1, "export": False},
    )
    experiment.run_experiment(config)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    measured = {name.removeprefix("train/segmenter/") for name in row if "train/seg" in name}
    of_classes = {f"{kind}_class_{i}" for kind in ("f1", "iou") for i in range(2)}
    assert measured == {"loss_seg", "accuracy", "miou", *of_classes}
    training, validation = (float(row[f"{part}/segmenter/miou"]) for part in ("train", "val"))
    assert 0 < training < 1
    assert training != validation


@pytest.mark.slow
@pytest.mark.parametrize("windows", [0, 3], ids=["whole", "windows"])
def test_a_validation_image_may_be_smaller_than_a_window_where_whole_ones_are_measured(
    data_dir, tmp_path, windows
):
    for part, value in (("images", 90), ("labels", 1)):
        Image.fromarray(np.full((12, 12), value, np.uint8)).save(data_dir / part / "small.png")
    lists = {}
    for name, stems in (("train", ["1", "2"]), ("val", ["3", "small"])):
        lists[f"{name}_list"] = str(tmp_path / f"{name}.txt")
        Path(lists[f"{name}_list"]).write_text("\n".join(stems))
    config = tiny_config(
        data={"dataset": "folder", "data_dir": str(data_dir), "val_windows": windows, **lists},
        method={"method": "supervised"},
        run={"output_dir": str(tmp_path / "run"), "epochs": 1, "export": False},
    )
    if windows:
        with pytest.raises(UserError, match=r"--crop_size=16,16: larger than the image .*small"):
            experiment.run_experiment(config)
        return
    experiment.run_experiment(config)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert np.sum(summary["confusion"]["segmenter"]) == 24 * 24 + 12 * 12
    assert (tmp_path / "run" / "plots" / "samples_epoch_001.png").stat().st_size > 0


def test_loss_flags_become_the_terms_and_the_boundary_maps():
    label = np.array([[1, 0, 0, 1], [1, 0, 0, 0]], np.uint8)
    few = Examples(("a",), (np.zeros((2, 4, 1), np.uint8),), (label,))
    config = LossConfig((1.0, 3.0), 8.0, 2.0, lambda_dice=0.25, lambda_focal=0.75, focal_gamma=3.0)
    terms = networks.segmentation_terms(config, Splits(MEMBRANES, few, few))
    assert terms == SegmentationTerms((1.0, 3.0), 0.25, 0.75, 3.0)
    maps = boundary_maps(config, few)
    expected = boundary_weights(label, w0=8.0, sigma=2.0)
    assert expected.max() > 1
    np.testing.assert_allclose(maps.levels[0] * maps.unit, expected, atol=8 / 255 / 2)
    assert boundary_maps(LossConfig(), few) is None


def test_the_average_of_the_weights_is_what_is_measured_and_exported(data_dir, tmp_path):
    """After a few large steps it is far from the weights themselves."""
    config = tiny_config(
        data={"dataset": "folder", "data_dir": str(data_dir), "val_fraction": 0.25},
        method={"method": "supervised"},
        s_optimizer={"optimizer": "sgd", "learning_rate": 0.5},
        run={"output_dir": str(tmp_path / "run"), "ema": 0.999, "best_metric": "last"},
    )
    result = experiment.run_experiment(config)
    checkpoint = checkpoint_paths(tmp_path / "run" / "checkpoints")[0]
    measured = {}
    spec = load_run_segmenter(tmp_path / "run", which="latest")[1]
    image = read_pages(data_dir / "images" / "0.png", spec).pages[0][np.newaxis]
    for kind in ("averaged", "model"):
        model, spec = load_run_segmenter(tmp_path / "run", which="latest")
        keys = {kind: model}
        restored = tf.train.Checkpoint(segmenter=tf.train.Checkpoint(**keys)).read(checkpoint)
        restored.expect_partial().assert_existing_objects_matched()
        measured[kind] = predictor_of(model, spec).predict_probabilities(image)
    exported = load_predictor(result.made["export"]).predict_probabilities(image)
    np.testing.assert_allclose(exported, measured["averaged"], atol=1e-5)
    assert np.abs(measured["averaged"] - measured["model"]).max() > 1e-2


def test_a_resized_target_is_measured_in_its_own_size_in_the_end():
    datasets = Path(__file__).parents[2] / "datasets"
    dummy = {name: str(datasets / name / "dummy_data") for name in ("gta5", "cityscapes_semseg")}
    config = tiny_config(
        data={"dataset": "gta5", "data_dir": dummy["gta5"], "prepare": "none"},
        target={
            "dataset": "cityscapes_semseg",
            "data_dir": dummy["cityscapes_semseg"],
            "prepare": "none",
            "resize": (32, 80),
        },
        segmenter={"segmenter": "deeplab_v2", "depth": 0},
        method={"method": "adaptation"},
    )
    splits, images = loading.load_domains(config)
    assert images.labels is None
    assert splits.train.labels is not None
    assert {image.shape for image in images.images} == {(32, 80, 3)}
    assert {label.shape for label in splits.val.labels} == {(32, 80)}
    with Image.open(next(Path(dummy["cityscapes_semseg"]).rglob("lindau*labelIds.png"))) as file:
        own = file.size[::-1]
    assert {label.shape for label in splits.full_val.labels} == {own} != {(32, 80)}


def test_boundaries_are_weighed_of_images_in_memory_only(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_pages, "MEMORY_LIMIT", 0)
    config = tiny_config(
        data={"dataset": "folder", "data_dir": str(data_dir)},
        loss={"boundary_weight": 10.0},
        run={"output_dir": str(tmp_path / "run")},
    )
    with pytest.raises(UserError, match="--boundary_weight: works only with images in memory"):
        experiment.run_experiment(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_images_too_large_to_evaluate_whole_are_validated_in_windows(
    data_dir, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(loading, "_LARGEST_WHOLE", 24 * 24 - 1)
    config = tiny_config(
        data={"dataset": "folder", "data_dir": str(data_dir), "val_fraction": 0.25},
        method={"method": "supervised"},
        run={"output_dir": str(tmp_path / "run"), "epochs": 1, "export": False},
    )
    with caplog.at_level(logging.INFO, logger="absl"):
        experiment.run_experiment(config)
    # Two images of 24 x 24 are 4.5 windows of 16 x 16.
    assert "5 windows of them are evaluated" in caplog.text
    assert "--val_windows=0\n" in (tmp_path / "run" / "run.flags").read_text()


@pytest.mark.slow
def test_a_run_over_two_replicas_leaves_what_one_replica_leaves(
    data_dir, tmp_path, two_replicas, monkeypatch
):
    rows, summaries = [], []
    for name, strategy in (("one", tf.distribute.get_strategy()), ("two", two_replicas)):
        # Update rules without a square root do not amplify rounding.
        sgd = OptimizerConfig(optimizer="sgd", learning_rate=0.01)
        config = tiny_config(
            data={"dataset": "folder", "data_dir": str(data_dir), "val_windows": 6},
            method={"compare": ("standard",)},
            # Over one replica the moving variance is unbiased; a slow one differs less.
            segmenter={"batch_norm_momentum": 0.99},
            run={"output_dir": str(tmp_path / name), "epochs": 2, "deterministic": False},
        )
        config = type(config)(**{**vars(config), "s_optimizer": sgd, "d_optimizer": sgd})
        monkeypatch.setattr(machine, "choose_strategy", lambda _, chosen=strategy: chosen)
        result = experiment.run_experiment(config)
        assert Path(result.made["export"], "saved_model.pb").exists()
        with (tmp_path / name / "metrics.csv").open() as file:
            rows.append(list(csv.DictReader(file)))
        summaries.append(json.loads((tmp_path / name / "summary.json").read_text())["networks"])
    assert len(rows[0]) == 2
    for one, two in zip(*rows, strict=True):
        assert one.keys() == two.keys()
        for metric, value in one.items():
            # A pixel on the decision boundary changes counts, but no loss.
            near = 1e-3 if "loss" in metric else 1e-2
            assert float(two[metric]) == pytest.approx(float(value), rel=near, abs=near), metric
    for network, metrics in summaries[0].items():
        assert summaries[1][network] == pytest.approx(metrics, rel=1e-2, abs=1e-2)
