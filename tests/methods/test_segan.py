"""SegAN: its losses by hand, its step, and the published code's numbers."""

import json
import zlib

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SHARED
from tests.interop.state_dicts import random_state_dict
from tests.methods.segan_segmenter import PublishedSegmenter, hwio
from tests.testing_utils import parse, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.config import Config
from tfadvseg.errors import UserError
from tfadvseg.losses.segan import image_dice, masked_images, scale_sums
from tfadvseg.losses.terms import CROSS_ENTROPY
from tfadvseg.methods.segan import multi_scale_loss, segan_step
from tfadvseg.models.segan_critic import segan_critic
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchAdam


def segan_config() -> Config:
    return tiny_config(method={"method": "segan"}, data={"crop_size": (32, 32)})


def large_batch() -> dict[str, tf.Tensor]:
    """Windows of 32 pixels, the least that the critic takes."""
    return {name: tf.tile(t, [1, 2, 2, 1][: t.shape.rank]) for name, t in tiny_batch().items()}


def test_dice_by_hand_and_only_over_valid_pixels():
    second = tf.constant([[[0.5, 1.0], [0.0, 0.9]], [[0.0, 0.0], [0.0, 0.0]]])
    label = tf.constant([[[1, 1], [0, 255]], [[0, 0], [0, 0]]], tf.int32)
    maps = tf.stack([1 - second, second], axis=-1)
    # 2 (0.5 + 1) / (0.25 + 1 + 2); and an image without the class or a trace of it
    np.testing.assert_allclose(image_dice(maps, label), [1 - 3 / 3.25, 1.0], rtol=1e-6)


def test_masked_images_by_hand():
    image = tf.constant([[[[1.0, 10.0], [2.0, 20.0]]]])
    second, label = tf.constant([[[0.5, 0.25]]]), tf.constant([[[1, 255]]], tf.int32)
    binary = masked_images(image, tf.stack([1 - second, second], axis=-1), label)
    np.testing.assert_allclose(binary, [[[[0.5, 5.0], [0, 0]]]])
    three = tf.constant([[[[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]]]])
    many = masked_images(image, three, tf.zeros_like(label))
    np.testing.assert_allclose(many[0, 0, 0], [0.5, 5, 0.3, 3, 0.2, 2], rtol=1e-6)


def test_a_scale_counts_by_weight_times_elements():
    shapes = [(1, 2, 2, 1), (1, 1, 1, 3), *[(1, 1, 1, 1)] * 5]
    true = [tf.zeros(shape) for shape in shapes]
    sums, elements = scale_sums([tf.ones(shape) for shape in shapes], true)
    assert [float(value) for value in sums] == [4, 3, 2, 2, 2, 2, 4]
    assert float(elements) == 12


def test_the_critic_is_clipped_and_s_follows_after_it():
    config = segan_config()
    state, batch = tiny_state(config), large_batch()
    critic = state.learners["discriminator"]
    scalars = segan_step(state.segmenter, critic, batch, tf.constant(1.0), 0.05)
    weights = np.concatenate([v.numpy().ravel() for v in critic.model.trainable_variables])
    assert np.abs(weights).max() == pytest.approx(0.05)
    assert float(scalars["d/loss_d"]) < 0 < float(scalars["segmenter/loss_adv"])
    assert not critic.balance and critic.role == "critic"


def test_ignored_pixels_reach_neither_network():
    config = segan_config()
    results = []
    for filling in (0.0, 7.0):
        state, batch = tiny_state(config), large_batch()
        label = batch["label"].numpy()
        label[:, 4:] = 255
        ours = masked_images(
            batch["image"] + filling * tf.cast(label == 255, tf.float32)[..., tf.newaxis],
            tf.fill([*label.shape, 2], 0.5),
            tf.constant(label),
        )
        true = tf.zeros_like(ours)
        critic = state.learners["discriminator"].model
        results.append(float(multi_scale_loss(critic, ours, true)))
    assert results[0] == results[1] > 0


def test_the_run_s_own_segmentation_loss_in_place_of_dice():
    config = segan_config()
    losses = []
    for terms in (None, CROSS_ENTROPY):
        state = tiny_state(config)
        critic = state.learners["discriminator"]
        scalars = segan_step(state.segmenter, critic, large_batch(), tf.constant(1.0), 0.0, terms)
        losses.append(float(scalars["segmenter/loss_seg"]))
    assert 0 < losses[0] < 1 and losses[0] != losses[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--discriminator=patch"], "returns logits and no features; --method=segan takes critic"),
        (["--lambda_adv=0"], "--lambda_adv=0: trains no critic"),
        (["--class_weights=1,2"], "--segan_loss=dice"),
        (["--gan=ls"], r"--gan=ls: is for .*not segan \(its critic returns features"),
        (["--masks_dir=m"], "compares two maps of the same image"),
        (["--d_image=none"], "--d_image=none: is for"),
        (["--d_r1=1"], "--d_r1=1.0: is for"),
    ],
)
def test_what_segan_does_not_take_is_refused(arguments, words):
    with pytest.raises(UserError, match=words):
        parse("--method=segan", *arguments)


def test_the_critic_is_for_segan_alone():
    with pytest.raises(UserError, match="--discriminator=critic: returns features and no logits"):
        parse("--discriminator=critic")
    with pytest.raises(UserError, match=r"--d_clip=0\.1: is for --method=segan"):
        parse("--d_clip=0.1")


@pytest.fixture(scope="module")
def reference():
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    settings = json.loads((folder / "segan.json").read_text())
    with np.load(folder / "segan.npz") as arrays:
        return settings, dict(arrays)


def generator(settings: dict, name: str, index: int) -> np.random.Generator:
    return np.random.Generator(
        np.random.PCG64(zlib.crc32(f"{settings['tag']}{name}/{index}".encode()))
    )


def image(settings: dict, name: str, index: int) -> tf.Tensor:
    shape = (settings["batch"], 3, *settings["source_size"])
    values = generator(settings, name, index).uniform(-1.2, 1.35, shape)
    return tf.constant(values.transpose(0, 2, 3, 1), tf.float32)


def label(settings: dict, index: int) -> tf.Tensor:
    shape = (settings["batch"], 1, *settings["source_size"])
    return tf.constant(generator(settings, "label", index).integers(0, 2, shape)[:, 0], tf.int32)


def critic_with_rule_s_weights(settings: dict) -> tf.keras.Model:
    values = random_state_dict(settings["discriminator"], settings["salts"]["discriminator"])
    critic = segan_critic(3, settings["ndf"])
    for index in range(1, 7):
        block = f"convblock{index}"
        critic.get_layer(f"conv{index}").set_weights([hwio(values[f"{block}.0.weight"])])
        if index > 1:
            names = ("weight", "bias", "running_mean", "running_var")
            layer = critic.get_layer(f"norm{index}")
            layer.set_weights([values[f"{block}.1.{name}"] for name in names])
    return critic


def assert_equals(name: str, got, expected, tolerance: float) -> None:
    """The largest difference, relative to the largest value; `pytest -s` shows it."""
    difference = float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())
    print(f"{name}: {difference:.1e}")
    assert difference < tolerance, name


@pytest.mark.needs_shared_data
def test_the_numbers_are_those_of_the_published_code(reference):
    settings, expected = reference
    critic = critic_with_rule_s_weights(settings)
    segmenter = PublishedSegmenter(settings["segmenter"], settings["segmenter_overrides"])
    evaluated = image(settings, "eval", 0)
    masked = evaluated * tf.cast(label(settings, 0), tf.float32)[..., tf.newaxis]
    for index, feature in enumerate(critic(masked, training=False), 1):
        assert_equals(f"feature {index}", feature[:2], expected[f"eval_feature{index}"], 1e-4)
    logits = segmenter(evaluated, training=False)
    assert_equals("segmenter", logits[:2], expected["eval_logits"], 1e-4)

    source, truth = image(settings, "source", 0), label(settings, 0)
    before = values_of(critic)
    ours = source * tf.sigmoid(segmenter(source, training=True))
    true = source * tf.cast(truth, tf.float32)[..., tf.newaxis]
    of_ours, of_true = (critic(maps, training=True) for maps in (ours, true))
    sums, elements = scale_sums([ours, *of_ours], [true, *of_true])
    assert int(elements) == settings["feature_elements"]
    assert_equals("scales", np.array(sums) / float(elements), expected["scale_terms"], 1e-4)
    critic.set_weights(before)

    betas = settings["adam_betas"]
    learners = [
        Learner(model, TorchAdam(settings["lr"], *betas), name)
        for name, model in (("segmenter", segmenter), ("discriminator", critic))
    ]
    assert settings["scale_weights"] == [1, 1, 2, 2, 2, 2, 4]
    for iteration, row in enumerate(expected["losses"]):
        batch = {"image": image(settings, "source", iteration), "label": label(settings, iteration)}
        scalars = segan_step(*learners, batch, tf.constant(1.0), settings["clip"])
        names = ("d/loss_d", "segmenter/loss_adv", "segmenter/loss_seg")
        got = [float(scalars[name]) for name in names]
        for name, value, wanted in zip(names, got, row, strict=False):
            tolerance = 1e-4 if iteration == 0 else 1e-3
            assert_equals(f"iteration {iteration + 1}, {name}", value, wanted, tolerance)
        assert_equals("joint", got[1] + got[2], row[3], 1e-3)
    final = critic(masked, training=False)[-1]
    assert_equals("feature 6 after training", final[:2], expected["final_feature6"], 1e-3)
