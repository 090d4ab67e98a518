"""Masks of other images: read, shown to D, and the size prior that uses them without a D."""

import dataclasses
import logging
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.testing_utils import noise_feed, parse, tiny_batch, tiny_config, tiny_state
from tfadvseg.config import DiscriminatorConfig
from tfadvseg.data.masks import check_masks, class_shares, read_masks, without_images
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.errors import UserError
from tfadvseg.losses.discriminator_input import discriminator_input, truth_probabilities
from tfadvseg.losses.size_prior import size_loss
from tfadvseg.methods.adversarial import joint_step, true_maps
from tfadvseg.methods.adversaries import with_noise
from tfadvseg.methods.size_prior import size_prior_step
from tfadvseg.run.incomplete_labels import load_masks

MAPS_ALONE = ["--d_image=none", "--d_ignored=shown"]


def written(folder, **masks: np.ndarray):
    folder.mkdir(exist_ok=True)
    for name, mask in masks.items():
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_masks_are_read_without_images_and_their_shares_counted(tmp_path):
    ones = np.ones((4, 6))
    folder = written(tmp_path / "masks", a=np.zeros((8, 8)), b=255 * ones)
    masks = read_masks(str(folder), {0: 0, 255: 1}, 2)
    assert masks.keys == ("a", "b")
    np.testing.assert_array_equal(masks.labels[1], ones)
    assert class_shares(masks, 2) == (64 / 88, 24 / 88)
    check_masks(masks, (4, 6), "--masks_dir=x")
    with pytest.raises(UserError, match=r"the mask b is 4 x 6 .* smaller than --crop_size=8,8"):
        check_masks(masks, (8, 8), "--masks_dir=x")


@pytest.mark.parametrize(
    ("mask", "value_map", "words"),
    [
        (np.full((8, 8), 2), {}, "a mask of other classes: it holds 2, but the classes are 0 to 1"),
        (np.full((8, 8), 255), {}, "all of whose pixels are labelled"),
        (np.full((8, 8), 7), {0: 0}, "holds 7, which --value_map does not contain"),
    ],
)
def test_masks_of_other_classes_are_refused_by_file(mask, value_map, words, tmp_path):
    folder = written(tmp_path / "masks", a=np.zeros((8, 8)), odd=mask)
    with pytest.raises(UserError, match=words) as error:
        read_masks(str(folder), value_map, 2)
    assert "odd.png" in str(error.value)


def test_a_folder_or_part_that_is_not_there_is_refused_by_its_flag(tmp_path):
    with pytest.raises(UserError, match=r"--masks_dir=.*/nowhere: no such folder; give"):
        read_masks(str(tmp_path / "nowhere"), {}, 2)
    config = tiny_config(method={"method": "size_prior", "masks_split": "tset"})
    with pytest.raises(UserError, match=r"^--masks_split=tset: .* no such split or slice"):
        load_masks(config, descriptor_of("membranes"), ())


def test_masks_of_validation_images_are_warned_of(caplog):
    config = tiny_config(method={"method": "size_prior", "masks_split": "train[:3]"})
    with caplog.at_level(logging.WARNING):
        keys = load_masks(config, descriptor_of("membranes"), ()).keys
        masks = load_masks(config, descriptor_of("membranes"), keys[1:])
    assert len(masks) == 3
    assert "--masks_split=train[:3]: 2 of 3 masks are those of validation images." in caplog.text


def test_an_empty_folder_and_ignored_pixels_are_refused(tmp_path):
    with pytest.raises(UserError, match="holds no masks"):
        read_masks(str(written(tmp_path / "empty")), {}, 2)
    masks = without_images(("a",), (np.full((8, 8), 255, np.uint8),))
    with pytest.raises(UserError, match="the mask a has ignored pixels"):
        check_masks(masks, (8, 8), "--masks_split=x")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--masks_dir=m"], "--masks_dir=m: D sees these masks without images"),
        (["--masks_split=m", "--d_image=none"], "add --d_ignored=shown"),
        (["--masks_split=m", "--masks_dir=m", *MAPS_ALONE], "give one of them"),
        (["--method=supervised", "--masks_dir=m"], "--masks_dir=m: is for --method="),
        (["--method=size_prior"], "--masks_dir: --method=size_prior needs masks"),
        (["--method=size_prior", "--masks_dir=m", "--lambda_adv=1"], "--lambda_adv=1.0: is for"),
        (["--compare=size_prior"], "--compare=size_prior: needs masks"),
        (["--method=segan", "--lambda_size=2"], "--lambda_size=2.0: is for --method="),
        (["--method=segan", "--d_ignored=shown"], "--d_ignored=shown: is for"),
        (["--d_noise=-1"], "--d_noise=-1.0"),
    ],
)
def test_what_does_not_go_with_masks_is_refused(arguments, words):
    with pytest.raises(UserError, match=re.escape(words)):
        parse(*arguments)
    parse("--masks_dir=m", *MAPS_ALONE)


def test_ignored_pixels_are_hidden_or_shown_in_both_maps():
    second = tf.constant([[[0.3, 0.6]]])
    maps = tf.stack([1 - second, second], axis=-1)
    label, image = tf.constant([[[1, 255]]], tf.int32), tf.zeros((1, 1, 2, 1))
    for shown, fake, real in (("hidden", [0.3, 0], [0.9, 0]), ("shown", [0.3, 0.6], [0.9, 0.6])):
        config = DiscriminatorConfig(d_image="none", d_ignored=shown)
        got = discriminator_input(maps, image, label, config)
        np.testing.assert_allclose(got[0, 0, :, 0], fake)
        truth = truth_probabilities(label, maps, config)
        got = discriminator_input(truth, image, label, config)
        np.testing.assert_allclose(got[0, 0, :, 0], real, rtol=1e-6)


def test_masks_of_other_images_stand_for_the_batch_s_labels():
    config = DiscriminatorConfig(d_image="none", d_ignored="shown", d_truth_tau=0.95)
    maps = tf.constant([[[[0.2, 0.8], [0.01, 0.99]]]])
    batch = {
        "image": tf.zeros((1, 1, 2, 1)),
        "label": tf.constant([[[255, 255]]], tf.int32),
        "mask": tf.constant([[[1, 0]]], tf.int32),
    }
    # Softened alike everywhere: S's map of another image says nothing of the mask.
    np.testing.assert_allclose(true_maps(batch, maps, config)[0, 0, :, 0], [0.95, 0.05], rtol=1e-6)


def test_windows_come_with_masks():
    config = tiny_config(
        method={"masks_split": "train"}, discriminator={"d_image": "none", "d_ignored": "shown"}
    )
    feed = noise_feed(config, tiny_state(config))
    for batches in (feed.windows, feed.mixed):
        batch = next(iter(batches(0, 0)))
        assert batch["mask"].shape == batch["label"].shape
    plain = dataclasses.replace(feed, masks=None)
    assert "mask" not in next(iter(plain.windows(0, 0)))


def test_d_learns_masks_from_a_batch_without_labels():
    config = tiny_config(
        method={"masks_split": "train"},
        discriminator={"d_image": "none", "d_ignored": "shown", "d_noise": 0.1},
    )
    state, batch = tiny_state(config), tiny_batch()
    batch |= {"mask": batch["label"], "label": tf.fill(batch["label"].shape, 255)}
    d = state.learners["discriminator"]
    step = tf.function(joint_step, autograph=False)
    for _ in range(60):
        scalars = step(state.segmenter, d, batch, tf.constant(0.0), config.discriminator)
    assert float(scalars["segmenter/loss_seg"]) == 0
    right = scalars["d/accuracy_real"]
    assert float(right.numerator / right.denominator) > 0.7


def test_noise_is_drawn_by_update_and_side():
    config, maps = DiscriminatorConfig(d_noise=0.2), tf.zeros((2, 64, 64, 1))
    draws = [
        with_noise(maps, tf.constant(update, tf.int64), side, config).numpy()
        for update, side in ((3, 1.0), (3, 1.0), (3, 0.0), (4, 1.0))
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).mean() > 0.9 < (draws[0] != draws[3]).mean()
    assert draws[0].std() == pytest.approx(0.2, rel=0.05)
    assert with_noise(maps, tf.constant(0), 1.0, DiscriminatorConfig()) is maps


def test_the_size_prior_by_hand():
    second = tf.constant([[[0.2, 0.6]], [[0.5, 0.5]]])
    maps = tf.stack([1 - second, second], axis=-1)
    squared = size_loss(maps, (0.75, 0.25), "squared")
    np.testing.assert_allclose(squared, [2 * 0.15**2, 2 * 0.25**2], rtol=1e-5)
    divergence = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    np.testing.assert_allclose(size_loss(maps, (0.75, 0.25), "kl")[1], divergence, rtol=1e-5)
    np.testing.assert_allclose(size_loss(maps, (0.5, 0.5), "kl")[1], 0, atol=1e-7)


@pytest.mark.parametrize("kind", ["squared", "kl"])
def test_s_takes_the_masks_shares_without_a_label(kind):
    config = tiny_config(method={"method": "size_prior", "masks_split": "train"})
    state, batch = tiny_state(config), tiny_batch()
    batch["label"] = tf.fill(batch["label"].shape, 255)
    step = tf.function(
        lambda: size_prior_step(state.segmenter, batch, 10.0, (0.9, 0.1), kind), autograph=False
    )
    losses = [float(step()["segmenter/loss_size"]) for _ in range(60)]
    assert losses[-1] < 0.05 * max(losses)
