"""Self-training in the mean teacher's setting computes what SSL4MIS computes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.interop.state_dicts import random_state_dict
from tests.methods.adaptation_testing import learner
from tests.methods.reference_testing import (
    LATER,
    LOSSES,
    assert_equals,
    bound,
    few_label_batch,
    generator,
    image,
    read_reference,
    record_gradients,
)
from tests.methods.ssl4mis_testing import (
    first_gradient_norms,
    load_published,
    published_dice,
    published_names,
    published_sgd,
    published_unet,
)
from tfadvseg.config.methods.self_training import SETTINGS
from tfadvseg.methods import self_training
from tfadvseg.methods.self_training import self_training_step
from tfadvseg.methods.strong_views import LIMIT, NOISE
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.training.state import Learner

pytestmark = pytest.mark.needs_shared_data


def test_losses_gradients_and_both_networks_after_training(monkeypatch):
    settings, expected = read_reference("mean_teacher")
    tag, channels, classes = settings["tag"], settings["channels"], settings["num_classes"]
    size, count = settings["source_size"], settings["batch_unlabelled"]
    student, taught = (published_unet(channels, classes) for _ in range(2))
    for model, salt in ((student, "segmenter"), (taught, "teacher")):
        load_published(model, random_state_dict(settings["segmenter"], settings["salts"][salt]))
    eval_images = image(tag, "eval", 0, 2, settings["eval_size"], channels)

    def compare(when: str) -> None:
        for model, name in ((student, "logits"), (taught, "teacher_logits")):
            tolerance = LOSSES if when == "eval" else bound(settings, f"final_{name}", LATER)
            quantity = f"{when}_{name}"
            got = model(eval_images, training=False)
            assert_equals(quantity, got, expected[quantity], tolerance)

    compare("eval")
    segmenter = learner(student, published_sgd(settings))
    teacher = Learner(taught, None, "teacher", role="teacher")

    # The published noise cannot be drawn from our seeds: it comes with the batch instead.
    def published_view(images: tf.Tensor, seeds: tf.Tensor, salt: int) -> tf.Tensor:
        del salt
        return images + tf.clip_by_value(NOISE * seeds, -LIMIT, LIMIT)

    monkeypatch.setattr(self_training, "noisy_view", published_view)

    def segmentation(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return segmentation_loss(logits, label) + published_dice(tf.nn.softmax(logits), label)

    setting = dataclasses.replace(SETTINGS["mean_teacher"], lambda_seg=0.5)
    weight, decay = settings["consistency_weight"], settings["ema_decay"]
    norms = record_gradients(segmenter)
    variables = published_names(student)
    named = first_gradient_norms(settings, expected)

    @tf.function(autograph=False)
    def step(batch):
        scalars = self_training_step(
            segmenter, teacher, batch, weight, setting, decay, segmentation
        )
        return scalars, [norms[variables[key].ref()] for key in named]

    for index, (total, ce, dice, consistency) in enumerate(expected["losses"]):
        noise = generator(tag, "noise", index).standard_normal((count, channels, *size))
        seeds = tf.constant(noise.transpose(0, 2, 3, 1), tf.float32)
        scalars, gradients = step(few_label_batch(settings, index) | {"unlabelled_seed": seeds})
        if not index:
            tolerance = bound(settings, "first_gradient_norms", LOSSES)
            assert_equals("first gradient norms", gradients, [*named.values()], tolerance)
        tolerance = bound(settings, f"losses, iteration {index + 1}", LOSSES)
        seg, unlabelled = (scalars[f"segmenter/loss_{name}"] for name in ("seg", "unlabelled"))
        for name, value, published in (
            ("segmentation", seg, ce + dice),
            ("consistency", unlabelled, consistency),
            ("total", 0.5 * seg + weight * unlabelled, total),
        ):
            assert_equals(f"iteration {index + 1}, {name}", value, published, tolerance)
    compare("final")
    moving = published_names(taught)
    for name, quantity in (("running_mean", "teacher_bn_mean"), ("running_var", "teacher_bn_var")):
        got = moving[f"encoder.in_conv.conv_conv.1.{name}"]
        assert_equals(quantity, np.array(got), expected[quantity], LATER)
