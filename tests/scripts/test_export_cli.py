import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.scripts.cli_testing import (
    assert_one_line_error,
    expected_label,
    make_run,
    run_new_process,
    run_script,
)
from tfadvseg.compat.processor import cpu_multiplies_bfloat16
from tfadvseg.export.exported import load_exported


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("export_cli") / "run"
    return run_dir, make_run(run_dir)


def assert_predicts_like(predictor, model):
    image = np.random.default_rng(0).integers(0, 256, (20, 27, 1), np.uint8)
    label = predictor.predict_probabilities(image[np.newaxis])[0].argmax(axis=-1)
    expected = expected_label(model, image)
    assert 0 < expected.mean() < 1
    assert (label == expected).mean() > 0.995


def test_exports_the_best_segmenter_into_the_run(run):
    run_dir, networks = run
    result = run_new_process("export.py", f"--model={run_dir}", cwd=run_dir.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"export: {run_dir}/export/1 (segmenter, best)\n"
    assert_predicts_like(load_exported(run_dir / "export"), networks["segmenter"])


@pytest.mark.slow
def test_exports_what_is_asked_for(run, tmp_path):
    run_dir, networks = run
    arguments = (f"--model={run_dir}", f"--export_dir={tmp_path}/cells", "--which=latest")
    result = run_script("export.py", *arguments, "--version=12", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["12"]
    assert_predicts_like(load_exported(tmp_path / "cells" / "12"), networks["latest"])
    again = run_script("export.py", *arguments, "--version=12", cwd=tmp_path)
    assert_one_line_error(again, "cells/12", "exists already")


@pytest.mark.slow
def test_the_limit_on_pixels_of_encoded_images(run, tmp_path):
    run_dir, _ = run
    arguments = (f"--model={run_dir}", f"--export_dir={tmp_path}/cells", "--max_pixels=400")
    result = run_script("export.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    serve = tf.saved_model.load(str(tmp_path / "cells/1")).signatures["encoded"]
    for width, fits in ((20, True), (21, False)):
        content = tf.io.encode_png(np.zeros((20, width, 1), np.uint8))
        if fits:
            assert serve(image_bytes=content[tf.newaxis])
            continue
        with pytest.raises(tf.errors.InvalidArgumentError, match="more than 400 pixels"):
            serve(image_bytes=content[tf.newaxis])
    refused = run_script("export.py", *arguments, "--format=tflite", cwd=tmp_path)
    assert_one_line_error(refused, "--max_pixels=400: is for --format=saved_model")


@pytest.mark.skipif(not cpu_multiplies_bfloat16(), reason="no bfloat16 in this processor")
def test_bfloat16_is_compared_with_float32(run, tmp_path):
    run_dir, networks = run
    image = np.random.default_rng(0).integers(0, 256, (20, 27), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    arguments = (f"--model={run_dir}", f"--export_dir={tmp_path}/cells", f"--images={tmp_path}")
    result = run_script("export.py", *arguments, "--precision=bfloat16", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "compared with float32 on 1 images" in result.stdout
    assert_predicts_like(load_exported(tmp_path / "cells/1"), networks["segmenter"])
    report = json.loads((tmp_path / "cells/1/assets.extra/report.json").read_text())
    assert 0 < report["largest_probability_change"] < 0.1


def test_bfloat16_is_for_processors_that_multiply_it(run, tmp_path):
    run_dir, _ = run
    arguments = (f"--model={run_dir}", f"--export_dir={tmp_path}/cells", "--precision=bfloat16")
    off = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # counts as a processor without
    result = run_script("export.py", *arguments, cwd=tmp_path, env=off)
    assert_one_line_error(result, "--precision=bfloat16: this processor does not multiply")
    result = run_script("export.py", *arguments, "--format=tflite", cwd=tmp_path)
    assert_one_line_error(result, "--precision=bfloat16: is for --format=saved_model")
    assert not (tmp_path / "cells").exists()


def test_refusals(run, tmp_path):
    run_dir, _ = run
    assert_one_line_error(run_script("export.py", cwd=tmp_path), "--model")
    assert_one_line_error(
        run_script("export.py", f"--model={tmp_path}", cwd=tmp_path), "model.json: no such file"
    )
    (tmp_path / "file").write_text("")
    arguments = (f"--model={run_dir}", f"--export_dir={tmp_path}/file")
    assert_one_line_error(run_script("export.py", *arguments, cwd=tmp_path), f"{tmp_path}/file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
