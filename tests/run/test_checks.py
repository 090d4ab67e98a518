"""Checks before long work, and the lock on the folder of a running training."""

import dataclasses
import errno
import fcntl

import numpy as np
import pytest

from tests.testing_utils import tiny_config
from tfadvseg.config import SegmenterConfig
from tfadvseg.data.examples import Examples
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import Splits, check_target_descriptor
from tfadvseg.errors import UserError
from tfadvseg.run import experiment
from tfadvseg.run.checks import check_images, check_source, check_start, warn_of_steps
from tfadvseg.run.machine import only_trainer
from tfadvseg.run.parts import Parts


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"run": {"best_metric": "miuo"}}, "--best_metric=miuo: unknown; choose one of last"),
        ({"run": {"best_metric": "iou_void"}}, "--best_metric=iou_void: unknown"),
        ({"loss": {"class_weights": (1.0, 2.0)}}, "--class_weights=1,2: 2 weights for 11 classes"),
        ({"loss": {"boundary_weight": 10.0}}, "--boundary_weight: .* camvid has no"),
        ({"data": {"mean": (1.0,), "std": (1.0,)}}, "--mean and --std: 1 numbers each"),
        (
            {"data": {"dataset": "isbi2012", "augment": ("colour",)}},
            "--augment=colour: .* not in col",
        ),
    ],
)
def test_what_the_dataset_decides_is_refused_before_its_files_are_looked_for(
    sections, message, tmp_path
):
    data = {"dataset": "camvid", "data_dir": str(tmp_path / "absent")}
    run = {"output_dir": str(tmp_path / "run")}
    config = tiny_config(
        **sections
        | {
            "data": data | sections.get("data", {}),
            "method": {"method": "supervised"},
            "run": run | sections.get("run", {}),
        }
    )
    with pytest.raises(UserError, match=message):
        experiment.run_experiment(config)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("streets_game", "membranes", "target .membranes. has the classes membrane, cell, the sou"),
        ("cells", "streets_game", "target .streets_game. has the classes road, "),
    ],
)
def test_a_target_unlike_the_source_is_refused_before_files_are_read(source, target, message):
    config = tiny_config(
        data={"dataset": source}, target={"dataset": target}, method={"method": "adabn"}
    )
    with pytest.raises(UserError, match=f"begin with --target_: The {message}"):
        check_start(config, Parts())


def test_statistics_per_domain_need_a_second_domain():
    for method in ("adversarial", "supervised"):
        config = tiny_config(segmenter={"batch_norm": "per_domain"}, method={"method": method})
        with pytest.raises(UserError, match="--batch_norm=per_domain: there is no second domain"):
            check_start(config, Parts())


def test_a_target_in_other_channels_is_refused_before_files_are_read():
    grey = descriptor_of("membranes")
    colour = dataclasses.replace(grey, image_channels=3)
    with pytest.raises(UserError, match=r"images \(membranes\) are in colour, the labelled ones"):
        check_target_descriptor(grey, colour)


def test_void_is_a_class_where_it_is_asked_for(tmp_path):
    config = tiny_config(
        data={"dataset": "camvid", "data_dir": str(tmp_path / "absent"), "void_as_class": True},
        run={"best_metric": "iou_void", "output_dir": str(tmp_path / "run")},
    )
    with pytest.raises(UserError, match="absent"):
        experiment.run_experiment(config)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"dataset": "cityscapes"}, "--dataset=cityscapes: unknown; .* cityscapes_semseg"),
        ({"dataset": "camvid", "data_dir": "/nowhere"}, "--data_dir=/nowhere: no such folder"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_the_source_is_looked_for(
    target, message, tmp_path
):
    config = tiny_config(
        data={"dataset": "camvid", "data_dir": str(tmp_path / "absent")},
        target=target,
        method={"method": "source_only"},
        run={"output_dir": str(tmp_path / "run")},
    )
    with pytest.raises(UserError, match=f"^target domain, whose flags begin .*: {message}"):
        experiment.run_experiment(config)


def test_a_class_absent_from_validation_cannot_choose_the_best_epoch():
    descriptor, image = descriptor_of("cells"), np.zeros((48, 48, 3), np.uint8)
    label = np.zeros((48, 48), np.uint8)
    label[:4, :4] = 1
    examples = Examples(("a",), [image], [label])
    splits = Splits(descriptor, examples, examples)
    present, absent = descriptor.class_names[1:]
    for metric in (f"recall_{absent}", f"iou_{absent}", f"darkfield_accuracy_present_{absent}"):
        config = tiny_config(run={"best_metric": metric})
        with pytest.raises(UserError, match=f"{metric}: no validation image contains {absent}"):
            check_images(config, splits, None)
    for metric in (f"recall_{present}", "miou", "last"):
        check_images(tiny_config(run={"best_metric": metric}), splits, None)


def test_steps_that_the_learning_rate_never_reaches_are_reported(caplog):
    rate = {"rate": "step", "rate_steps": (2, 4)}
    warn_of_steps(tiny_config(s_optimizer=rate, run={"epochs": 3}))
    assert not caplog.text
    warn_of_steps(tiny_config(d_optimizer=rate, run={"epochs": 2}))
    assert "--d_rate_steps=2,4: the learning rate never falls within --epochs=2" in caplog.text


@pytest.mark.parametrize("flag", ["weights", "backbone_weights"])
def test_files_of_weights_must_be_there_when_a_run_begins(flag):
    network = "deeplab_v2" if flag == "weights" else "fcn8s"
    segmenter = SegmenterConfig(network, **{flag: "/nowhere.h5"})
    with pytest.raises(UserError, match=f"--{flag}=/nowhere.h5: no such file"):
        check_source(segmenter, begins=True)
    check_source(segmenter, begins=False)


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    refused = pytest.raises(UserError, match="another process trains there")
    with only_trainer(tmp_path), refused, only_trainer(tmp_path):
        pass
    with only_trainer(tmp_path):
        pass


def test_a_folder_made_in_vain_goes_and_no_other(tmp_path):
    made, filled, found = (tmp_path / name for name in ("new/made", "filled", "found"))
    found.mkdir()
    for folder in (made, filled, found):
        with pytest.raises(ZeroDivisionError), only_trainer(folder):
            assert folder.is_dir()
            if folder == filled:
                (folder / "file").touch()
            raise ZeroDivisionError
    assert not made.parent.exists() and found.exists() and list(filled.iterdir())


def test_a_file_system_without_locks_is_trained_on_with_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with only_trainer(tmp_path):
        pass
    assert "cannot be locked" in caplog.text
