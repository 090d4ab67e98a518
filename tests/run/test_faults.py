"""Runs whose files were damaged, removed or moved, and what is made of them."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.testing_utils import tiny_config
from tfadvseg.config import Config, DataConfig
from tfadvseg.errors import UserError
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.run import evaluation, outputs
from tfadvseg.run.evaluation import evaluated_data
from tfadvseg.run.experiment import run_experiment


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with `data` and a finished run `run` that knows its data by a relative path."""
    folder = tmp_path_factory.mktemp("faults")
    rng = np.random.default_rng(0)
    for part in ("images", "labels"):
        (folder / "data" / part).mkdir(parents=True)
    for number in range(4):
        label = rng.integers(0, 2, (24, 24), np.uint8)
        Image.fromarray(label * np.uint8(120)).save(folder / f"data/images/{number}.png")
        Image.fromarray(label).save(folder / f"data/labels/{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_experiment(config())
    return folder


@pytest.fixture
def copied(place, tmp_path, monkeypatch) -> Path:
    """Another copy of `place`, which is the current folder."""
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(**run: object) -> Config:
    return tiny_config(
        data={"dataset": "folder", "data_dir": "data"},
        method={"method": "supervised"},
        segmenter={"width": 2, "depth": 1},
        run={"output_dir": "run", "epochs": 1, "outlines": False, **run},
    )


def exports(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "run/export").iterdir())


@pytest.mark.parametrize(
    "content",
    [
        None,
        '{"updates": 2, "net',
        *(pytest.param(text, marks=pytest.mark.slow) for text in ("", "{}", "[]", "\0\x80")),
    ],
)
def test_a_run_without_its_whole_summary_makes_it_again_and_keeps_its_export(
    copied, caplog, content
):
    summary = copied / "run/summary.json"
    whole = json.loads(summary.read_text())
    summary.unlink()
    if content is not None:
        summary.write_text(content)
    result = run_experiment(config())
    assert not result.finished_before
    assert exports(copied) == ["1"]
    again = json.loads(summary.read_text())
    assert again["networks"] == whole["networks"]
    assert again["export"] == "export/1"
    assert ("summary.json: damaged" in caplog.text) == (content is not None)


@pytest.mark.slow
def test_a_damaged_export_is_not_taken_for_that_of_the_run(copied):
    (copied / "run/summary.json").unlink()
    (variables,) = (copied / "run/export/1/variables").glob("*.data-*")
    variables.write_bytes(variables.read_bytes()[:-4])
    run_experiment(config())
    assert exports(copied) == ["1", "2"]


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("end_epoch", marks=pytest.mark.slow),
        "save",
        pytest.param("is_over", marks=pytest.mark.slow),
    ],
)
def test_a_folder_removed_in_mid_run_ends_it(copied, monkeypatch, when):
    before = getattr(outputs.RunOutput, when)

    def remove_first(self, *arguments):
        shutil.rmtree(copied / "new", ignore_errors=True)
        return before(self, *arguments)

    monkeypatch.setattr(outputs.RunOutput, when, remove_first)
    with pytest.raises(UserError, match="--output_dir=new: was removed or emptied"):
        run_experiment(config(output_dir="new", epochs=2, patience=1))
    assert not (copied / "new/summary.json").exists()


def evaluated(run: Path, **changed: object) -> DataConfig:
    return evaluated_data(DataConfig(dataset="membranes"), changed, None, run)[0]


def test_a_relative_folder_is_found_from_elsewhere(copied, place, tmp_path_factory, monkeypatch):
    assert evaluated(Path("run")).data_dir == "data", "as the run was given it"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    # The copy was started where the original was.
    assert evaluated(copied / "run").data_dir == str(place / "data")
    start = copied / "run/start.json"
    fields = json.loads(start.read_text())
    start.write_text(json.dumps(fields | {"working_dir": str(elsewhere / "gone")}))
    with pytest.raises(UserError) as raised:
        evaluated(copied / "run")
    assert str(raised.value) == (
        f"--data_dir=data: no such folder in {elsewhere}, nor in {elsewhere}/gone, where the run "
        "was started; give --data_dir."
    )
    assert evaluated(copied / "run", data_dir="x").data_dir == "x"
    del fields["working_dir"]  # a run of an earlier version
    start.write_text(json.dumps(fields))
    with pytest.raises(UserError, match="relative to the folder in which the run was started"):
        evaluated(copied / "run")


def test_a_list_of_what_was_trained_on_that_is_no_text_is_named(copied):
    (copied / "run/trained_on.txt").write_bytes(b"\0\x01\x02")
    with pytest.raises(UserError, match=r"trained_on\.txt: damaged, not text; repeat the command"):
        evaluation._warn_of_trained(Path("run"), evaluated(Path("run")), ("0",))


def test_a_changed_number_in_the_model_of_a_run_is_told(copied):
    path = copied / "run/model.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"std": [1.0]}))
    with pytest.raises(UserError, match=r"model\.json: is not what was written"):
        ModelSpec.load("run")
    with pytest.raises(UserError, match=r"model\.json: is not what was written"):
        run_experiment(config(epochs=2))


def test_a_finished_run_does_nothing(copied, caplog):
    with caplog.at_level(logging.WARNING):
        assert run_experiment(config()).finished_before
    assert exports(copied) == ["1"]
