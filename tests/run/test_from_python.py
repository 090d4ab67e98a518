"""Runs from Python with parts of one's own: what they leave, and what is refused."""

import dataclasses
import functools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tfadvseg as tas
from tests.testing_utils import tiny_config
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.models.own import same_function

NAMES = ("dark", "bright")


def segmenter(image_channels: int, logits: int) -> tf.keras.Model:
    image = tf.keras.Input((None, None, image_channels))
    x = tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = tf.keras.layers.BatchNormalization()(x)
    return tf.keras.Model(image, tf.keras.layers.Conv2D(logits, 1, dtype="float32")(x))


def discriminator(size: tuple[int, int], channels: int) -> tf.keras.Model:
    maps = tf.keras.Input((None, None, channels))
    x = tf.keras.layers.Conv2D(4, 4, 2, "same", activation="relu")(maps)
    return tf.keras.Model(maps, tf.keras.layers.Conv2D(1, 3, padding="same", dtype="float32")(x))


def pairs(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images whose bright quarters are class 1."""
    generator = np.random.default_rng(seed)
    labels = (generator.uniform(size=(count, 4, 4)) < 0.5).repeat(8, axis=1).repeat(8, axis=2)
    images = np.clip(100 + 80 * labels + generator.normal(0, 10, labels.shape), 0, 255)
    return list(zip(images.astype(np.uint8), labels.astype(np.int64), strict=True))


DATA = {"examples": pairs(6, 0), "validation": pairs(3, 1), "class_names": NAMES}


def config(output, export: bool = False, **changes) -> tas.Config:
    run = {"output_dir": str(output), "epochs": 2, "steps_per_epoch": 3}
    run |= {"export": export, "outlines": False}
    return tiny_config(**{"method": {"compare": ("standard",)}, **changes}, run=run)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "own"
    result = tas.train(
        config(output, export=True), segmenter=segmenter, discriminator=discriminator, **DATA
    )
    return output, result


def test_a_run_of_one_s_own_leaves_what_every_run_leaves(finished):
    output, result = finished
    assert set(result.networks) >= {"segmenter", "standard"}
    for name in ("run.flags", "metrics.csv", "summary.json", "plots/metrics.png", "export/1"):
        assert (output / name).exists(), name
    spec = ModelSpec.load(output)
    assert spec.own_parts["segmenter"] == f"{__name__}.segmenter"
    assert spec.class_names == NAMES
    assert json.loads((output / "summary.json").read_text())["dataset"] == "own"


def test_the_run_and_its_export_answer_alike(finished):
    output, _ = finished
    image = DATA["validation"][0][0][:, :, None]
    run = tas.load_predictor(output, which="best", segmenter=segmenter)
    export = tas.load_predictor(output / "export")
    np.testing.assert_allclose(
        tas.predict_probabilities(run, image), tas.predict_probabilities(export, image), atol=1e-5
    )
    metrics = tas.evaluate(run, DATA["validation"])
    assert metrics["miou"] == pytest.approx(tas.evaluate(export, DATA["validation"])["miou"])


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            np.zeros((32, 32, 3), np.uint8),
            r"shape \[32, 32, 3\]; give one image .*height, width, 1",
        ),
        (np.zeros((1, 32, 32, 1), np.uint8), "give one image"),
        (np.zeros((0, 32), np.uint8), "give one image"),
        (np.zeros((32, 32), np.float32), "float32; give uint8"),
    ],
)
def test_images_that_a_model_cannot_take_are_refused_in_one_line(finished, image, words):
    with pytest.raises(tas.UserError, match=words):
        tas.predict_label(tas.load_predictor(finished[0] / "export"), image)


def test_grey_images_are_predicted_in_the_shape_they_were_trained_in(finished):
    image = DATA["validation"][0][0]
    export = tas.load_predictor(finished[0] / "export")
    label = tas.predict_label(export, image)
    assert label.shape == image.shape
    np.testing.assert_array_equal(label, tas.predict_label(export, image[..., np.newaxis]))


def test_a_function_of_the_started_program_is_the_one_that_others_import():
    assert same_function("__main__.segmenter", "nets.train.segmenter")
    assert same_function("nets.train.segmenter", "__main__.segmenter")
    assert not same_function("__main__.segmenter", "nets.train.my_segmenter")
    assert not same_function("a.segmenter", "b.segmenter")
    assert not same_function("__main__.segmenter", "__main__.other")


def test_whoever_loads_it_is_asked_for_the_function_by_name(finished):
    output, _ = finished
    with pytest.raises(tas.UserError, match=r"your own, .*\.segmenter; .*segmenter=segmenter"):
        tas.load_predictor(output)

    def other(image_channels: int, logits: int) -> tf.keras.Model:
        return segmenter(image_channels, logits)

    with pytest.raises(tas.UserError, match=r"was trained with .*\.segmenter; give that one"):
        tas.load_predictor(output, segmenter=other)


@pytest.mark.slow
def test_a_stopped_run_continues_exactly(finished, tmp_path):
    output, _ = finished
    own = {"segmenter": segmenter, "discriminator": discriminator, **DATA}
    first = config(tmp_path)
    tas.train(dataclasses.replace(first, run=dataclasses.replace(first.run, epochs=1)), **own)
    tas.train(first, **own)
    assert (tmp_path / "metrics.csv").read_bytes() == (output / "metrics.csv").read_bytes()
    with pytest.raises(tas.UserError, match="other parts of your own"):
        tas.train(first, discriminator=discriminator, **DATA)


def test_a_tf_data_dataset_serves_as_examples(tmp_path):
    images, labels = (np.stack(each) for each in zip(*DATA["examples"], strict=True))
    dataset = tf.data.Dataset.from_tensor_slices((images[..., None], labels[..., None]))
    given = DATA | {"examples": dataset}
    result = tas.train(config(tmp_path, method={"method": "supervised"}), **given)
    assert result.networks["segmenter"]["accuracy"] > 0


def test_a_method_of_one_s_own_replaces_the_steps(tmp_path):
    def phases(training: tas.Training) -> tuple[tas.Phase, ...]:
        def step(batch, weights):
            loss = supervised_step(training.segmenter, batch)["segmenter/loss_seg"]
            return {"segmenter/loss_seg": loss, "segmenter/loss_twice": 2 * loss}

        steps = training.config.run.steps_per_epoch
        return (tas.Phase("mine", step, steps, training.feed.windows),)

    method = dataclasses.replace(tas.METHODS["supervised"], phases=phases)
    tas.train(config(tmp_path, method={"method": "supervised"}), method=method, **DATA)
    assert "train/segmenter/loss_twice" in (tmp_path / "metrics.csv").read_text()
    assert "phases" in ModelSpec.load(tmp_path).own_parts["method"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"examples": []}, "examples: there are no images"),
        ({"validation": None}, "go together"),
        ({"class_names": ()}, "one name per class"),
        ({"class_names": "cell"}, "one name per class"),
        ({"examples": [DATA["examples"][0][0]]}, r"examples\[0\]: ndarray; give a tuple"),
        ({"examples": 5}, "examples: int; give pairs"),
        ({"examples": [{"image": 1, "label": 2}]}, r"examples\[0\]: dict; give a tuple"),
        ({"class_names": ("a", "b"), "foreground_class": "c"}, "foreground_class=c: not one of"),
        ({"examples": [(np.zeros((32, 32)), np.zeros((32, 32), int))]}, "float64"),
        ({"examples": [(np.zeros((32, 32), np.uint8), np.zeros((32, 32)))]}, "label is float64"),
        ({"examples": [(np.zeros((32, 32), np.uint8), np.full((32, 32), 7))]}, "contains 7"),
        ({"validation": [(np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), int))]}, "channels"),
        ({"segmenter": lambda channels, logits: "no model"}, "returned str"),
        ({"segmenter": functools.cache(segmenter)}, "returned before"),
        ({"segmenter": lambda channels, logits: segmenter(channels, 7)}, "expected logits"),
        ({"discriminator": lambda size, channels: segmenter(channels, 3)}, "expected logits"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(given, words, tmp_path):
    with pytest.raises(tas.UserError, match=words):
        tas.train(config(tmp_path), **{**DATA, **given})
    assert not (tmp_path / "checkpoints").exists()


def test_a_discriminator_that_nothing_trains_is_refused(tmp_path):
    supervised = config(tmp_path, method={"method": "supervised", "compare": ()})
    with pytest.raises(tas.UserError, match=r"discriminator: --method=supervised .* trains none"):
        tas.train(supervised, discriminator=discriminator, **DATA)
    with pytest.raises(tas.UserError, match=r"config: is dict; give a tfadvseg\.Config"):
        tas.train({"epochs": 1})


def test_a_model_in_place_of_a_function_is_refused(tmp_path):
    with pytest.raises(tas.UserError, match="is a Keras model; give a function"):
        tas.train(config(tmp_path), segmenter=segmenter(1, 1), **DATA)


def test_the_package_alone_imports_no_tensorflow():
    code = "import sys, tfadvseg; tfadvseg.Config; print('tensorflow' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "False"
    assert not output.stderr


def test_every_public_name_is_there():
    for name in tas.__all__:
        assert getattr(tas, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tas.nothing
