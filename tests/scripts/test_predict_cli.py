import numpy as np
import pytest
from PIL import Image

from tests.scripts.cli_testing import (
    assert_one_line_error,
    expected_label,
    make_run,
    run_new_process,
    run_script,
)
from tfadvseg.export.run_model import load_run_segmenter
from tfadvseg.export.saved_model import export_saved_model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("predict_cli") / "run"
    return run_dir, make_run(run_dir)


def grey(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth picture with noise, uint8 [H,W]."""
    rows, columns = np.mgrid[:height, :width]
    waves = 100 + 60 * np.sin(rows / 5 + seed) + 40 * np.cos(columns / 7)
    return (waves + np.random.default_rng(seed).uniform(0, 50, waves.shape)).astype(np.uint8)


def read(path) -> np.ndarray:
    with Image.open(path) as file:
        return np.array(file)


def assert_predicted(label: np.ndarray, model, image: np.ndarray) -> None:
    expected = expected_label(model, image[..., np.newaxis])
    assert label.dtype == np.uint8
    assert label.shape == expected.shape
    assert 0.01 < expected.mean() < 0.99
    assert (label == expected).mean() > 0.995


def test_files_of_every_format(run, tmp_path):
    run_dir, networks = run
    folder = tmp_path / "images"
    folder.mkdir()
    pages = [grey(24, 31, seed) for seed in range(3)]
    first, *others = [Image.fromarray(page) for page in pages]
    first.save(folder / "stack.tif", save_all=True, append_images=others)
    for suffix in ("png", "jpg", "gif"):
        Image.fromarray(grey(19, 40)).save(folder / f"{suffix}_image.{suffix}")
    (folder / "notes.txt").write_text("not an image")
    arguments = (f"--model={run_dir}", f"--images={folder}", "--output_dir=out")
    result = run_new_process("predict.py", *arguments, "--probabilities=cell", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "predictions: 6 in out/predictions" in result.stdout
    assert "probabilities of cell: 4 in out/probabilities" in result.stdout
    assert f"model: {run_dir}/best/segmenter-5" in result.stdout
    assert "class ids: 0 membrane, 1 cell" in result.stdout
    names = [f"stack_00{number}" for number in range(3)] + ["png_image", "jpg_image", "gif_image"]
    for kind in ("predictions", "overlays"):
        made = sorted(path.name for path in (tmp_path / "out" / kind).iterdir())
        assert made == sorted(f"{name}.png" for name in names)
    for name, page in zip(names, [*pages, grey(19, 40)], strict=False):
        label = read(tmp_path / "out" / "predictions" / f"{name}.png")
        assert_predicted(label, networks["segmenter"], page)
        stem, _, number = name.rpartition("_00")
        with Image.open(tmp_path / "out/probabilities" / f"{stem or name}.tif") as probabilities:
            probabilities.seek(int(number) if stem else 0)
            np.testing.assert_array_equal(np.array(probabilities) > 0.5, label == 1)
        drawn = read(tmp_path / "out" / "overlays" / f"{name}.png").astype(int)
        assert drawn.shape == (*label.shape, 3)
        # The palette is red for class 0 and blue for class 1.
        redder = drawn[..., 0] > drawn[..., 2]
        assert (redder == (label == 0)).mean() > 0.99


def test_an_export(run, tmp_path):
    run_dir, networks = run
    image = grey(33, 30)
    Image.fromarray(image).save(tmp_path / "a[1].png")
    segmenter, spec = load_run_segmenter(run_dir, "segmenter", "latest")
    export_saved_model(segmenter, spec, tmp_path / "export")
    arguments = ("--model=export", "--images=a[1].png", "--output_dir=out")
    result = run_script("predict.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert_predicted(read(tmp_path / "out/predictions/a[1].png"), networks["latest"], image)


def test_large_images_in_tiles_by_the_standard_network(run, tmp_path):
    run_dir, networks = run
    image = grey(150, 200)
    Image.fromarray(image).save(tmp_path / "large.png")
    arguments = ("--images=*.png", "--output_dir=out", "--network=standard", "--tile=64")
    result = run_script("predict.py", f"--model={run_dir}", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    label = read(tmp_path / "out/predictions/large.png")
    expected = expected_label(networks["standard"], image[..., np.newaxis])
    # Tiles are mirrored at the image's borders, where a single pass has zeros.
    inner = np.s_[12:-12, 12:-12]
    assert label.shape == expected.shape
    assert 0.01 < expected.mean() < 0.99
    assert (label == expected)[inner].mean() > 0.98


def test_refusals_leave_nothing(run, tmp_path):
    run_dir, _ = run
    arguments = ("--model=absent", "--images=*.png", "--output_dir=out")
    assert_one_line_error(
        run_script("predict.py", *arguments, cwd=tmp_path), "--images=*.png: no image files"
    )
    Image.fromarray(grey(20, 20)).save(tmp_path / "a.png")
    assert_one_line_error(
        run_script("predict.py", *arguments, cwd=tmp_path), "--model=absent: no such folder"
    )
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(content[: len(content) // 2])
    arguments = (f"--model={run_dir}", *arguments[1:])
    assert_one_line_error(
        run_script("predict.py", *arguments, "--probabilities=cel", cwd=tmp_path),
        "--probabilities=cel: no such class; choose one of membrane, cell.",
    )
    assert_one_line_error(
        run_script("predict.py", *arguments, cwd=tmp_path), "b.png: not a complete image file"
    )
    arguments = (*arguments, "--cityscapes")
    assert_one_line_error(
        run_script("predict.py", *arguments, cwd=tmp_path), "a: not the name of a Cityscapes frame"
    )
    (tmp_path / "b.png").unlink()
    (tmp_path / "a.png").rename(tmp_path / "lindau_000001_000019.png")
    assert_one_line_error(
        run_script("predict.py", *arguments, cwd=tmp_path), "--cityscapes", "19 classes", "cell"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["lindau_000001_000019.png"]
