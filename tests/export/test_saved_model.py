"""Exports are complete or absent, small, and need only TensorFlow."""

import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from export_testing import GREY_SPEC, randomised_segmenter

from tfadvseg.config import SegmenterConfig
from tfadvseg.errors import UserError
from tfadvseg.export.exported import load_exported
from tfadvseg.export.run_model import predictor_of
from tfadvseg.export.saved_model import export_saved_model, find_saved_model
from tfadvseg.export.version_folder import versions
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.segmenters import build_segmenter

FILES = (
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    "assets.extra/model.json",
    "assets.extra/tf_serving_warmup_requests",
    "assets.extra/SHA256SUMS",
)


@pytest.fixture(scope="module")
def segmenter() -> tf.keras.Model:
    return randomised_segmenter(GREY_SPEC)


@pytest.mark.parametrize("exported", [GREY_SPEC], ids=["grey"], indirect=True)
def test_loads_with_tensorflow_alone(exported, tmp_path):
    code = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
images = np.load("images.npy")
np.save("probabilities.npy", model.signatures["serving_default"](image=images)["probabilities"])
assert not [name for name in sys.modules if name.startswith("tfadvseg")]
"""
    images = exported.images(19, 23)
    np.save(tmp_path / "images.npy", images)
    environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(
        [sys.executable, "-c", code, str(exported.folder)],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=120,
    )
    probabilities = np.load(tmp_path / "probabilities.npy")
    np.testing.assert_allclose(probabilities, exported.expected_probabilities(images), atol=1e-5)


def test_holds_the_segmenters_variables_and_no_others(segmenter, tmp_path):
    """Also if S has been trained, and its optimizer has variables."""
    trained = build_segmenter(GREY_SPEC.segmenter, 2, 1)
    trained.compile(tf.keras.optimizers.Adam(), "mse")
    trained.train_on_batch(np.ones((1, 8, 8, 1)), np.ones((1, 8, 8, 1)))
    folder = export_saved_model(trained, GREY_SPEC, tmp_path)
    stored = tf.train.load_checkpoint(str(folder / "variables/variables"))
    shapes = stored.get_variable_to_shape_map()
    shapes.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    sizes = sorted(int(np.prod(shape)) for shape in shapes.values())
    assert sizes == sorted(int(np.prod(variable.shape)) for variable in trained.variables)


@pytest.mark.slow
def test_custom_gradients_are_no_matter_to_whoever_loads_an_export(tmp_path, caplog):
    deeplab = SegmenterConfig("deeplab_v2", width=4, blocks=(1, 1, 1, 1), stride_place="1x1")
    spec = dataclasses.replace(GREY_SPEC, segmenter=deeplab)
    export_saved_model(randomised_segmenter(spec), spec, tmp_path)
    caplog.clear()
    load_exported(tmp_path)
    assert not caplog.messages


@pytest.mark.parametrize("exported", [GREY_SPEC], ids=["grey"], indirect=True)
def test_spec_survives(exported):
    assert ModelSpec.load(exported.folder / "assets.extra") == exported.spec


def test_mixed_precision_exports_in_float32(segmenter, tmp_path):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = build_segmenter(GREY_SPEC.segmenter, 2, 1)
        mixed.set_weights(segmenter.get_weights())
        predictor = load_exported(export_saved_model(mixed, GREY_SPEC, tmp_path))
        assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), np.uint8)
    probabilities = predictor.predict_probabilities(images)
    assert probabilities.dtype == np.float32
    in_float32 = predictor_of(segmenter, GREY_SPEC).predict_probabilities(images)
    np.testing.assert_allclose(probabilities, in_float32, atol=1e-6)


@pytest.mark.slow
def test_an_export_computes_in_bfloat16_where_asked(segmenter, tmp_path):
    spec = dataclasses.replace(GREY_SPEC, precision="bfloat16")
    folder = export_saved_model(segmenter, spec, tmp_path)
    assert ModelSpec.load(folder / "assets.extra") == spec
    graph = tf.saved_model.load(str(folder)).signatures["serving_default"].graph.as_graph_def()
    nodes = [node for function in graph.library.function for node in function.node_def]
    convolutions = [node.attr["T"].type for node in nodes if node.op == "Conv2D"]
    assert set(convolutions) == {tf.bfloat16.as_datatype_enum}
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), np.uint8)
    probabilities = load_exported(folder).predict_probabilities(images)
    assert probabilities.dtype == np.float32
    in_float32 = predictor_of(segmenter, GREY_SPEC).predict_probabilities(images)
    assert 0 < np.abs(probabilities - in_float32).max() < 0.05
    # A run that wants its own export in float32 does not take this one.
    assert find_saved_model(segmenter, GREY_SPEC, tmp_path) is None
    assert find_saved_model(segmenter, spec, tmp_path) == folder


@pytest.mark.slow
def test_export_of_distributed_variables(segmenter, tmp_path, two_replicas):
    with two_replicas.scope():
        mirrored = build_segmenter(GREY_SPEC.segmenter, 2, 1)
        mirrored.set_weights(segmenter.get_weights())
    predictor = load_exported(export_saved_model(mirrored, GREY_SPEC, tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), np.uint8)
    expected = predictor_of(segmenter, GREY_SPEC).predict_probabilities(images)
    np.testing.assert_allclose(predictor.predict_probabilities(images), expected, atol=1e-6)


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(300, marks=pytest.mark.slow),
        5_000,
        pytest.param(50_000, marks=pytest.mark.slow),
    ],
)
def test_full_disk_leaves_nothing(segmenter, tmp_path, limit):
    """Files may not grow beyond `limit` bytes, which stops TensorFlow at one of its files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(UserError, match="could not write the export"):
            export_saved_model(segmenter, GREY_SPEC, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(segmenter, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/1: could not write the export"):
        export_saved_model(segmenter, GREY_SPEC, tmp_path / "file")


@pytest.mark.slow
def test_kill_leaves_nothing_that_loads(segmenter, tmp_path):
    """The process is killed after TensorFlow has written its files and before ours are written."""
    code = """
import os, signal, sys
from export_testing import GREY_SPEC, randomised_segmenter
from tfadvseg.export import saved_model, warmup
warmup.write_warmup_requests = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
saved_model.export_saved_model(randomised_segmenter(GREY_SPEC), GREY_SPEC, sys.argv[1])
"""
    paths = os.pathsep.join(str(Path(__file__).parents[level]) for level in (0, 2))
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        timeout=120,
    )
    assert result.returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    assert (leftover / "saved_model.pb").exists()
    assert versions(tmp_path) == {}
    with pytest.raises(UserError, match="holds no export"):
        load_exported(tmp_path)
    with pytest.raises(UserError, match="not a whole export"):
        load_exported(leftover)
    assert export_saved_model(segmenter, GREY_SPEC, tmp_path) == tmp_path / "1"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_damage_is_refused(exported, tmp_path, name, damage):
    folder = tmp_path / "1"
    shutil.copytree(exported.folder, folder)
    file = folder / name
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(UserError, match="not a whole export"):
        load_exported(tmp_path)


def test_paths_that_are_no_exports(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load_exported(tmp_path / "absent")
    with pytest.raises(UserError, match="holds no export"):
        load_exported(tmp_path)
    (tmp_path / "3").mkdir()
    with pytest.raises(UserError, match="not a whole export"):
        load_exported(tmp_path)


@pytest.mark.parametrize("version", [0, 2**63, 10**22])
def test_versions_beyond_what_serving_keeps_are_refused(segmenter, tmp_path, version):
    with pytest.raises(UserError, match=rf"--version={version}: take 1 to 9223372036854775807"):
        export_saved_model(segmenter, GREY_SPEC, tmp_path, version)
