"""The phases of an epoch."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import phases_of, tiny_batch, tiny_config, tiny_state
from tfadvseg.config import Config, piecewise_value
from tfadvseg.flags.flagfile import read_flagfile
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.supervised import segmentation_loss

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def published() -> Config:
    return read_flagfile(CONFIGS / "isbi2012_alternating.flags")


def test_the_alternating_experiment_is_the_published_one(published):
    data, run, method = published.data, published.run, published.method
    assert (data.train_split, data.val_split) == ("train[:20]", "train[20:]")
    assert (data.crop_size, data.val_windows) == ((128, 128), 800)
    assert (run.epochs, run.steps_per_epoch, run.global_batch_size) == (20, 500, 8)
    assert (method.schedule, method.compare) == ("alternating", ("standard",))
    lambdas = [piecewise_value(method.lambda_adv, epoch) for epoch in range(5)]
    assert lambdas == [0.1, 0.1, 0.1, 1.0, 1.0]
    s, d = published.s_optimizer, published.d_optimizer
    assert (s.optimizer, s.learning_rate, s.decay) == ("rmsprop", 1e-3, 1e-3)
    assert (d.optimizer, d.learning_rate, d.decay, d.rate) == ("adam", 1e-3, 0, "constant")
    assert (published.segmenter.segmenter, published.segmenter.width) == ("unet", 32)
    shown = published.discriminator
    assert (shown.discriminator, shown.d_width, shown.d_depth) == ("encoder", 32, 4)
    assert (shown.d_image, shown.d_truth, shown.d_label_smoothing) == ("none", "one_hot", 0)


def test_the_adaptation_experiment_is_the_published_one():
    published = read_flagfile(CONFIGS / "gta5_multi.flags")
    data, run, method = published.data, published.run, published.method
    assert (data.crop_size, published.target.crop_size) == ((720, 1280), (512, 1024))
    assert (data.channel_order, data.augment) == ("bgr", ())
    # 150,000 updates with learning rates that decay over 250,000.
    assert (run.epochs * run.steps_per_epoch, run.rate_epochs * run.steps_per_epoch) == (
        150_000,
        250_000,
    )
    assert run.global_batch_size == 1
    assert (method.lambda_seg_aux, method.lambda_adv_aux) == (0.1, 0.0002)
    assert (method.gan, piecewise_value(method.lambda_adv, 0)) == ("vanilla", 0.001)
    s, d = published.s_optimizer, published.d_optimizer
    assert (s.optimizer, s.learning_rate, s.rate) == ("sgd", 2.5e-4, "poly")
    assert (s.momentum, s.weight_decay) == (0.9, 5e-4)
    assert (d.optimizer, d.learning_rate, d.rate) == ("torch_adam", 1e-4, "poly")
    assert d.beta_2 == 0.99
    assert published.segmenter.atrous_branches == 2


def test_its_phases_are_s_alone_then_s_against_d_then_d_on_twice_the_batches(published):
    config = tiny_config(method={"schedule": "alternating", "compare": ("standard",)})
    config = dataclasses.replace(config, run=published.run)
    phases = phases_of(config, tiny_state(config))
    assert [(p.name, p.updates) for p in phases] == [
        ("standard", 500),
        ("adversarial", 500),
        ("discriminator", 1000),
    ]
    shown_twice = ["is_real" in p.batches(0, 0).element_spec for p in phases]
    assert shown_twice == [False, False, True]


@pytest.mark.parametrize(
    "method",
    [
        {"method": "supervised"},
        {"schedule": "joint", "compare": ("standard",)},
        {"schedule": "alternating", "compare": ("standard",)},
    ],
    ids=["supervised", "joint", "alternating"],
)
def test_every_phase_of_s_minimises_the_terms_of_the_run(method):
    config = tiny_config(method=method)
    terms = SegmentationTerms((1.0, 3.0), lambda_dice=0.5, lambda_focal=0.5)
    batch = tiny_batch()
    boundary = np.random.default_rng(0).uniform(0, 5, batch["label"].shape)
    batch["boundary"] = tf.constant(boundary, tf.float32)
    image, label = batch["image"], batch["label"]
    compared = 0
    for number in range(3):
        state = tiny_state(config)
        phases = phases_of(config, state, terms)
        if number >= len(phases) or phases[number].name == "discriminator":
            continue
        networks = state.segmenters()
        expected = {
            name: float(
                segmentation_loss(
                    learner.model(image, training=True), label, terms, batch["boundary"]
                )
            )
            for name, learner in networks.items()
        }
        scalars = phases[number].step(batch, {"lambda_adv": tf.constant(0.1)})
        for name in networks:
            if f"{name}/loss_seg" in scalars:
                got = float(scalars[f"{name}/loss_seg"])
                assert got == pytest.approx(expected[name], rel=1e-5), name
                compared += 1
    assert compared == (1 if method.get("method") == "supervised" else 2)
