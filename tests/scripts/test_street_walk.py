"""The steps of docs/gta5_to_cityscapes.md, on tiny files with the official layout and names."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.interop.state_dicts import random_state_dict, resnet_spec
from tests.scripts.cli_testing import ROOT, assert_one_line_error, run_script
from tests.testing_utils import assert_training_refuses

GTA5 = ROOT / "datasets/gta5/dummy_data"
CITYSCAPES = ROOT / "datasets/cityscapes_semseg/dummy_data"
TINY = (
    "--crop_size=32,48",
    "--resize=32,48",
    "--blocks=1,1,1,1",
    "--width=4",
    "--epochs=1",
    "--steps_per_epoch=1",
    "--precision=float32",
)
TINY_TARGET = ("--target_crop_size=32,64", "--target_resize=32,64")


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A file like the published initial weights: prefixed, one classifier for 21 classes."""
    spec = resnet_spec(classifiers=(4,), classes=21)
    state = random_state_dict([entry for entry in spec if "num_batches" not in entry[0]])
    path = tmp_path_factory.mktemp("weights") / "DeepLab_resnet_pretrained_init.npz"
    np.savez(path, **{f"Scale.{name}": value for name, value in state.items()})
    return path


def trained(flagfile: str, place: Path, weights: Path, *arguments: str) -> Path:
    result = run_script(
        "train.py",
        f"--flagfile={ROOT / 'configs' / flagfile}",
        *TINY,
        f"--weights={weights}",
        *arguments,
        f"--output_dir={flagfile.removesuffix('.flags')}",
        cwd=place,
    )
    assert result.returncode == 0, result.stderr
    assert "entries loaded" in result.stderr, "what was taken from the file is reported"
    return place / flagfile.removesuffix(".flags")


@pytest.mark.slow
def test_the_walk_from_downloads_to_submission(weights, tmp_path):
    data = (f"--data_dir={GTA5}", f"--target_data_dir={CITYSCAPES}", *TINY_TARGET)
    # Prepared by Beam in one case, read directly in the other.
    beam = ("--prepare=beam", "--target_prepare=beam", "--prepared_dir=prepared", "--d_width=4")
    runs = {
        "adapted": trained("gta5_multi.flags", tmp_path, weights, *data, *beam),
        "source_only": trained("gta5_source_only.flags", tmp_path, weights, *data),
        "oracle": trained("cityscapes_oracle.flags", tmp_path, weights, f"--data_dir={CITYSCAPES}"),
    }
    measured = run_script("evaluate.py", "--model=gta5_multi", "--resize=", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    figures = json.loads((runs["adapted"] / "summary.json").read_text())["networks"]["segmenter"]
    (file,) = runs["adapted"].glob("evaluation_*.json")
    full = json.loads(file.read_text())["metrics"]
    assert full["miou"] == pytest.approx(figures["miou"]), "runs measure at full resolution, too"
    assert {"miou_16", "miou_13"} <= set(full)

    named = ",".join(f"{name}={folder.name}" for name, folder in runs.items())
    refused = run_script("compare.py", f"--runs={named}", cwd=tmp_path)
    assert_one_line_error(refused, "cityscapes_oracle is a finished run of cityscapes_semseg")
    files = []
    for name, folder in runs.items():
        arguments = (f"--model={folder.name}", "--resize=", f"--output_file={name}.json")
        assert run_script("evaluate.py", *arguments, cwd=tmp_path).returncode == 0
        files.append(f"{name}={name}.json")
    compared = run_script("compare.py", f"--runs={','.join(files)}", cwd=tmp_path)
    assert compared.returncode == 0, compared.stderr
    for name in ("compared.md", "compared.json", "iou_bars.png"):
        assert (tmp_path / "compared" / name).stat().st_size > 0

    # The benchmark accepts full-size frames only.
    (small, *_) = sorted(CITYSCAPES.glob("leftImg8bit/val/*/*.png"))
    Image.open(small).resize((2048, 1024)).save(tmp_path / small.name)
    predicted = run_script(
        "predict.py",
        "--model=gta5_multi",
        "--cityscapes",
        f"--images={small.name}",
        "--output_dir=submission",
        cwd=tmp_path,
    )
    assert predicted.returncode == 0, predicted.stderr
    assert list((tmp_path / "submission").rglob("*.png"))

    # Back to PyTorch's names, and from there to an exported model.
    steps = (
        ("convert.py", "--model=gta5_multi", "--to=back.npz"),
        (
            "convert.py",
            "--weights=back.npz",
            "--output_dir=converted",
            "--blocks=1,1,1,1",
            "--width=4",
        ),
        ("export.py", "--model=converted"),
    )
    for script, *arguments in steps:
        result = run_script(script, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "converted/export/1/saved_model.pb").exists()


def test_weights_of_another_architecture_are_refused(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = (
        f"--flagfile={ROOT / 'configs/gta5_multi.flags'}",
        *TINY,
        *TINY_TARGET,
        f"--data_dir={GTA5}",
        f"--target_data_dir={CITYSCAPES}",
        "--noskip_damaged",
        "--blocks=1,1,2,1",
        "--d_width=4",
        f"--weights={weights}",
    )
    assert_training_refuses(arguments, ["layer3.1.conv1.weight", "Nothing was loaded"])
    assert not list(tmp_path.iterdir())
