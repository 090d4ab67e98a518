"""Self-training with a teacher: its losses, its average, and what never reaches them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_utils import changed, tiny_batch, tiny_config, tiny_state, values_of
from tfadvseg.config import Config, WeightSchedule
from tfadvseg.config.methods.self_training import SETTINGS
from tfadvseg.errors import UserError
from tfadvseg.methods.self_training import (
    Lesson,
    make_lesson,
    self_training_step,
    setting_of,
    unlabelled_weight,
)
from tfadvseg.methods.teacher import follow

SGD = {"optimizer": "sgd", "learning_rate": 0.5}


def config(setting: str = "fixmatch", **changes) -> Config:
    method = {"method": "self_training", "self_training": setting}
    return tiny_config(s_optimizer=SGD, **changes | {"method": method | changes.get("method", {})})


def batch(size: int = 4) -> dict[str, tf.Tensor]:
    seeds = tf.constant([[i, 3] for i in range(size)], tf.int32)
    return tiny_batch(size) | {
        "unlabelled_image": tiny_batch(size, seed=1)["image"],
        "unlabelled_seed": seeds,
    }


def step(state, setting, inputs, **changes):
    segmenter, teacher = state.segmenter, state.learners["teacher"]
    options = {"lambda_unlabelled": 1.0, "decay": 0.9} | changes
    return self_training_step(segmenter, teacher, inputs, setting=setting, **options)


def test_the_teacher_begins_as_s_and_is_an_average_of_it():
    """alpha is min(1 - 1 / (i + 1), decay): 0, 1/2, 2/3, then 0.7."""
    state = tiny_state(config())
    s, teacher = state.segmenter, state.learners["teacher"]
    assert teacher.optimizer is None and "teacher" not in state.segmenters()
    for mine, own in zip(values_of(teacher.model), values_of(s.model), strict=True):
        np.testing.assert_array_equal(mine, own)
    variable, average = s.model.trainable_variables[0], teacher.model.trainable_variables[0]
    expected = None
    for alpha, value in ((0, 3.0), (1 / 2, 5.0), (2 / 3, 1.0), (0.7, -2.0)):
        s.optimizer.iterations.assign_add(1)
        variable.assign(tf.fill(variable.shape, value))
        follow(teacher, s, decay=0.7)
        expected = value if expected is None else alpha * expected + (1 - alpha) * value
        np.testing.assert_allclose(average, np.full(average.shape, expected), rtol=1e-6)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_teacher_gets_no_gradient_and_keeps_statistics_of_its_own(name):
    """With a decay that leaves it as it is nothing that is trained in it moves."""
    state = tiny_state(config(name))
    segmenter, teacher = state.segmenter, state.learners["teacher"]
    segmenter.optimizer.iterations.assign(10**7)
    before, trained = values_of(segmenter.model), [*teacher.model.trainable_variables]
    held = [variable.numpy() for variable in trained]
    moving = [v.numpy() for v in teacher.model.non_trainable_variables]
    with tf.GradientTape() as tape:
        # As if the step were part of something larger that watches everything.
        scalars = step(state, SETTINGS[name], batch(), decay=1 - 1e-9)
        loss = scalars["segmenter/loss_unlabelled"]
    assert changed(before, values_of(segmenter.model))
    for variable, value in zip(trained, held, strict=True):
        np.testing.assert_allclose(variable, value, atol=1e-6)
    assert all(gradient is None for gradient in tape.gradient(loss, trained))
    assert changed(moving, [v.numpy() for v in teacher.model.non_trainable_variables])


def test_labels_of_unlabelled_images_are_not_asked_for():
    """A poisoned label under any name that a careless step could take changes nothing."""
    start = values_of(tiny_state(config("dacs")).segmenter.model)
    after = []
    for label in (
        {},
        dict.fromkeys(("unlabelled_label", "target_label"), tf.fill([4, 16, 16], 254)),
    ):
        state = tiny_state(config("dacs"))
        step(state, SETTINGS["dacs"], batch() | label)
        after.append(values_of(state.segmenter.model))
    assert changed(start, after[0])
    for one, other in zip(*after, strict=True):
        # Sums of several threads come in no fixed order.
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


PROBABILITIES = np.array(
    [[[[0.97, 0.02, 0.01], [0.2, 0.7, 0.1]]], [[[0.0, 0.0, 1.0], [0.05, 0.95, 0.0]]]],
    np.float32,
)
"""Of two images of two pixels, confident in three of the four at 0.95."""

TWO = {
    "image": np.array([[[[10], [11]]], [[[20], [21]]]], np.float32),
    "label": np.array([[[0, 255]], [[1, 2]]], np.int32),
    "unlabelled_image": np.array([[[[1], [2]]], [[[3], [4]]]], np.float32),
    "unlabelled_seed": np.array([[0, 0], [1, 0]], np.int32),
}


def lesson_of(setting) -> Lesson:
    batch = {name: tf.constant(values) for name, values in TWO.items()}
    return make_lesson(batch, tf.constant(PROBABILITIES), setting)


def test_pseudo_labels_weigh_by_their_confidence():
    plain = dataclasses.replace(SETTINGS["fixmatch"], mixing="none")
    lesson = lesson_of(plain)
    np.testing.assert_array_equal(lesson.label, [[[0, 1]], [[2, 1]]])
    np.testing.assert_array_equal(lesson.weight, [[[1, 0]], [[1, 1]]])
    shared = dataclasses.replace(plain, weighs_by_share=True)
    np.testing.assert_allclose(lesson_of(shared).weight, 0.75)


def test_pasted_pixels_bring_their_label_and_weigh_one():
    lesson = lesson_of(dataclasses.replace(SETTINGS["dacs"], confidence=0.96))
    # The one class of the first label is pasted; of the second image's two classes, one is.
    np.testing.assert_array_equal(lesson.label[0], [[0, 1]])
    np.testing.assert_allclose(lesson.weight[0], [[1, 0.5]])
    second = lesson.label[1, 0].numpy().tolist()
    assert second in ([1, 1], [2, 2])
    np.testing.assert_allclose(lesson.weight[1], [[1, 0.5] if second == [1, 1] else [0.5, 1]])


def test_losses_by_hand():
    """S equals the teacher at first: without noise the mean teacher has nothing to teach."""
    state = tiny_state(config("mean_teacher"))
    inputs = batch()
    shown = tf.concat([inputs["unlabelled_image"]] * 2, 0)
    teacher = state.learners["teacher"].model
    logits = teacher(shown, training=True)[:4]
    p = tf.sigmoid(logits).numpy()
    fixed = dataclasses.replace(SETTINGS["fixmatch"], mixing="none", confidence=0.5)
    inputs["image"] = inputs["unlabelled_image"]
    scalars = step(state, fixed, inputs)
    expected = -np.log(np.maximum(p, 1 - p)).mean()
    assert float(scalars["segmenter/loss_unlabelled"]) == pytest.approx(expected, rel=1e-4)
    assert float(scalars["segmenter/confident"].numerator) == 4 * 16 * 16


def test_the_weight_ramps_over_the_run_unless_one_is_given():
    ten = {"run": {"epochs": 10}}
    own = config("mean_teacher", **ten)
    assert unlabelled_weight(own, 0.0) == pytest.approx(0.1 * np.exp(-5))
    assert unlabelled_weight(own, 5.0) == pytest.approx(0.1 * np.exp(-5 * 0.25))
    assert unlabelled_weight(own, 10.0) == pytest.approx(0.1)
    assert unlabelled_weight(config("dacs", **ten), 3.5) == 1.0
    given = {"lambda_unlabelled": WeightSchedule(((0, 0.0), (2, 1.0)), "linear")}
    assert unlabelled_weight(config("dacs", method=given, **ten), 1.0) == 0.5
    assert setting_of(config(method={"confidence": 0.8})).confidence == 0.8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"self_training": "mean_teacher", "confidence": 0.9},
            "--confidence=0.9: is for --self_training=fixmatch, dacs, not mean_teacher",
        ),
        ({"confidence": 1.5}, "--confidence=1.5: must be greater than 0 and at most 1"),
        ({"teacher_decay": 1.0}, "--teacher_decay=1.0: must be at least 0 and less than 1"),
        (
            {"lambda_unlabelled": WeightSchedule(((0, 0.1),), ratio=True)},
            "--lambda_unlabelled=ratio:0.1: ratio: is for adversarial losses",
        ),
    ],
)
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        config(method=changes)


def test_windows_that_cannot_be_mixed_are_refused():
    with pytest.raises(UserError, match=r"size=3: CutMix mixes .* in pairs"):
        config(few_labels={"unlabelled_batch_size": 3})
    with pytest.raises(UserError, match="--target_crop_size=32,16: ClassMix pastes"):
        config("dacs", target={"dataset": "membranes", "crop_size": (32, 16)})
    with pytest.raises(UserError, match="--target_dataset=membranes: its images are the ones wit"):
        config(target={"dataset": "membranes"}, few_labels={"unlabelled_split": "train"})
    with pytest.raises(UserError, match=r"--unlabelled_split=test: is for .*self_training"):
        tiny_config(method={"method": "supervised"}, few_labels={"unlabelled_split": "test"})
