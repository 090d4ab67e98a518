"""A whole run with few labels: what it trains on, what it says, and what it never sees."""

import csv
import json
import logging

import numpy as np
import pytest

from tests.testing_utils import tiny_config
from tfadvseg.config import Config
from tfadvseg.data.examples import Examples
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import Splits, load_splits
from tfadvseg.errors import UserError
from tfadvseg.run import experiment
from tfadvseg.run.checks import check_unlabelled
from tfadvseg.run.loading import load_data
from tfadvseg.run.parts import Parts

MEMBRANES = descriptor_of("membranes")


def config(output=None, method="self_training", labelled=2, arms=(), **changes) -> Config:
    run = {"epochs": 1, "export": False, "best_metric": "last", "output_dir": str(output)}
    return tiny_config(
        method={"method": method, "compare": arms},
        few_labels={"labelled_images": labelled} | changes.pop("few_labels", {}),
        run=run | changes.pop("run", {}),
        **changes,
    )


def splits(poison: set[str] = frozenset()) -> Splits:
    """Six training images of noise; those that are poisoned have labels of 254 throughout."""
    random = np.random.default_rng(0)
    images = tuple(random.integers(0, 256, (24, 24, 1), np.uint8) for _ in range(6))
    keys = tuple("abcdef")
    labels = tuple(
        np.full((24, 24), 254, np.uint8) if key in poison else np.uint8(image[..., 0] > 127)
        for key, image in zip(keys, images, strict=True)
    )
    train = Examples(keys, images, labels)
    return Splits(MEMBRANES, train, train.subset([0, 1]))


def test_labels_that_are_not_drawn_never_reach_a_loss(tmp_path, caplog):
    """Poisoned with an id that is no class's, they are gone before anything is trained."""
    clean = load_data(config(tmp_path), splits())
    assert "Training images: 2 with labels, 4 without." in caplog.text
    drawn = {*clean.splits.train.keys}
    # Those that validate keep theirs.
    poisoned = Splits(MEMBRANES, splits({*"abcdef"} - drawn).train, splits().val)
    data = load_data(config(tmp_path), poisoned)
    assert data.unlabelled.labels is None
    assert data.fingerprint == clean.fingerprint
    experiment.run_experiment(config(tmp_path), Parts(examples=poisoned))
    assert "loss_unlabelled" in (tmp_path / "metrics.csv").read_text()
    start = json.loads((tmp_path / "start.json").read_text())
    assert start["images"] == {"train": 2, "validation": 2, "unlabelled": 4}
    (phase,) = start["phases"]
    assert phase["windows"] == {"image": 4, "unlabelled_image": 4}
    assert all(0 < mean < 1 for mean in phase["first_batch"]["label"])
    trained_on = (tmp_path / "trained_on.txt").read_text().split()
    assert trained_on[:2] == sorted(drawn) and sorted(trained_on) == [*"abcdef"]
    assert (tmp_path / "plots" / "pseudo_labels_epoch_001.png").exists()


@pytest.mark.slow
def test_images_without_labels_can_have_statistics_of_their_own(tmp_path):
    """The control: S learns as from the labelled images alone, and is used with other averages."""

    def trained(name: str, method: str, batch_norm: str, *arms: str) -> dict[str, str]:
        segmenter = {"batch_norm": batch_norm}
        chosen = config(tmp_path / name, method, arms=arms, segmenter=segmenter)
        experiment.run_experiment(chosen, Parts(examples=splits()))
        with (tmp_path / name / "metrics.csv").open() as file:
            return next(csv.DictReader(file))

    alone = trained("alone", "supervised", "published")
    control = trained("control", "adabn", "per_domain")
    loss = "segmenter/loss_seg"
    assert float(control[f"train/{loss}"]) == pytest.approx(float(alone[f"train/{loss}"]), rel=1e-6)
    assert control[f"val/{loss}"] != alone[f"val/{loss}"]
    for method in ("self_training", "dan", "advsemiseg"):
        taught = trained(method, method, "per_domain", "adabn")
        assert taught[f"val/{loss}"] != control[f"val/{loss}"], method
        for part in ("train", "val"):
            beside, apart = taught[f"{part}/adabn/loss_seg"], control[f"{part}/{loss}"]
            assert float(beside) == pytest.approx(float(apart), rel=1e-5), method


def test_an_epoch_is_as_long_whether_labels_are_used_or_not(tmp_path):
    steps = set()
    for method, labelled in (("supervised", 0), ("supervised", 2), ("self_training", 2)):
        data = load_data(
            config(method=method, labelled=labelled, run={"steps_per_epoch": 0}), splits()
        )
        steps.add(data.config.run.steps_per_epoch)
        assert (data.unlabelled is None) == (method == "supervised")
    assert steps == {2}  # six images in batches of four


def test_further_images_are_those_that_are_not_trained_on(caplog):
    """Membranes has 30 training images; 20 to 29 are named once more, and two that validate."""
    few = {"unlabelled_split": "train[20:]+validation[:2]"}
    with caplog.at_level(logging.WARNING):
        data = load_data(config(few_labels=few, data={"train_split": "train[:22]"}))
    assert len(data.splits.train) == 2
    assert len(data.unlabelled) == 20 + 8 + 2
    assert len({*data.unlabelled.keys}) == 30
    assert "2 of " in caplog.text and "validation images are trained on" in caplog.text
    whole = load_splits(data.config.data, 0)
    assert {*whole.train.keys} < {*data.splits.train.keys, *data.unlabelled.keys}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labelled": 0}, "--method=self_training: uses images without labels too, .* none"),
        (
            {"method": "adabn", "labelled": 0},
            "--method=adabn: uses images without labels too, .* another domain by --target_dataset",
        ),
        ({"labelled": 31}, "--labelled_images=31: only 30 training images have labels"),
        (
            {"few_labels": {"unlabelled_dataset": "membrane"}},
            "flags begin with --unlabelled_: --dataset=membrane: unknown",
        ),
        (
            {"few_labels": {"unlabelled_data_dir": "/nowhere"}},
            "flags begin with --unlabelled_: --data_dir=/nowhere: is for .*embedded",
        ),
        (
            {"few_labels": {"unlabelled_dataset": "folder", "unlabelled_data_dir": "/nowhere"}},
            "flags begin with --unlabelled_: --data_dir=/nowhere: no such folder",
        ),
        ({"few_labels": {"unlabelled_split": "tset"}}, "--split=tset: no such split or slice"),
        ({"few_labels": {"unlabelled_dataset": "cells"}}, "Images without labels .cells. are in"),
    ],
)
def test_mistakes_end_in_one_line_before_training(changes, message):
    with pytest.raises(UserError, match=message) as error:
        load_config = config(**changes)
        check_unlabelled(load_config)
        load_data(load_config)
    assert "\n" not in str(error.value)
