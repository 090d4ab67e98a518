"""Domain adaptation: the gradients that each update uses, and those it must not use."""

import numpy as np
import pytest
import tensorflow as tf

from tests.methods.adaptation_testing import (
    RATE,
    SINGLE_LEVEL,
    adaptation_batch,
    adaptation_step,
    learners,
    multi_losses,
    source_only_step,
)
from tests.testing_utils import changed, values_of
from tfadvseg.losses.segmentation import cross_entropy, valid_pixels
from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.ops.frozen_batch_norm import SOURCE, TARGET
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.training.types import Maximum

HEALTH = ("accuracy_source", "accuracy_target", "fooling_rate", "logit_min", "logit_max")


def trainable(model: tf.keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def moving(model: tf.keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in model.non_trainable_weights if "moving" in weight.name]


def updates(segmenter, judges, batches, losses):
    """The gradients that the step applied, of S and of each D, and its scalars."""
    models = [segmenter.model, *(judge.model for judge in judges if judge)]
    before = [trainable(model) for model in models]
    scalars = adaptation_step(segmenter, judges, batches, losses)
    after = [trainable(model) for model in models]
    return [
        [(a - b) / RATE for a, b in zip(old, new, strict=True)]
        for old, new in zip(before, after, strict=True)
    ], scalars


def assert_close(got, expected, tolerance=2e-4):
    for one, other in zip(got, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, atol=tolerance * max(np.abs(b).max(), 1e-3))


def probabilities(segmenter, image, domain):
    logits = segmenter.model.level_logits(image, training=True, domain=domain)
    return [tf.nn.softmax(resize_aligned(level, image.shape[1:3])) for level in logits]


def plain_gradients(segmenter, judges, batch, losses):
    """S's gradient of one scalar with constant Ds, and each D's gradient with constant maps."""

    def answer(judge, maps, label):
        logits = judge.model(maps, training=True)
        if losses.gan == "ls":
            return tf.reduce_mean((logits - label) ** 2)
        return tf.keras.losses.binary_crossentropy(
            tf.fill([tf.size(logits)], label), tf.reshape(logits, [-1]), from_logits=True
        )

    with tf.GradientTape() as tape:
        source = segmenter.model.level_logits(batch["source_image"], training=True, domain=SOURCE)
        loss = 0.0
        values = {"seg": [], "adv": [], "d": []}
        for weight, level in zip(losses.lambda_seg, source, strict=True):
            level = resize_aligned(level, batch["source_image"].shape[1:3])
            total = tf.reduce_sum(cross_entropy(level, batch["source_label"]))
            values["seg"].append(total / tf.reduce_sum(valid_pixels(batch["source_label"])))
            loss += weight * values["seg"][-1]
        maps = probabilities(segmenter, batch["target_image"], TARGET)
        for weight, judge, level in zip(losses.lambda_adv, judges, maps, strict=True):
            if judge is not None:
                values["adv"].append(answer(judge, level, 0.0))
                loss += weight * values["adv"][-1]
    gradients = [tape.gradient(loss, segmenter.model.trainable_variables)]
    source_maps = probabilities(segmenter, batch["source_image"], SOURCE)
    for judge, real, fake in zip(judges, source_maps, maps, strict=True):
        if judge is None:
            continue
        with tf.GradientTape() as tape:
            values["d"].append(0.5 * (answer(judge, real, 0.0) + answer(judge, fake, 1.0)))
        gradients.append(tape.gradient(values["d"][-1], judge.model.trainable_variables))
    return gradients, values


@pytest.mark.parametrize(
    ("multi_level", "gan", "batch_norm"),
    [
        (True, "vanilla", "published"),
        pytest.param(True, "ls", "per_domain", marks=pytest.mark.slow),
        (False, "ls", "published"),
        pytest.param(False, "vanilla", "frozen", marks=pytest.mark.slow),
    ],
)
def test_the_update_is_that_of_plain_gradients(multi_level, gan, batch_norm):
    segmenter, judges = learners(multi_level, batch_norm=batch_norm)
    weights = {"gan": gan} if multi_level else {"gan": gan, **SINGLE_LEVEL}
    losses, batch = multi_losses(**weights), adaptation_batch(size=2)
    expected, values = plain_gradients(segmenter, judges, batch, losses)
    got, scalars = updates(segmenter, judges, [batch], losses)
    assert_close(got, expected)
    for level, prefix in enumerate(("aux_", "") if multi_level else ("",)):
        for term in ("seg", "adv", "d"):
            value = float(scalars[f"{prefix}loss_{term}"])
            assert value == pytest.approx(float(values[term][level]), rel=1e-4)
    names = {f"loss_{term}" for term in ("seg", "adv", "d")} | set(HEALTH)
    prefixes = ("aux_", "") if multi_level else ("",)
    assert set(scalars) == {prefix + name for prefix in prefixes for name in names}


@pytest.mark.slow
def test_s_and_d_know_nothing_of_each_other_s_losses():
    def after(losses, judge_seed=1):
        segmenter, judges = learners()
        if judge_seed != 1:
            for judge, other in zip(judges, learners(seed=judge_seed)[1], strict=True):
                judge.model.set_weights(other.model.get_weights())
        got, _ = updates(segmenter, judges, [adaptation_batch()], losses)
        return got

    base = after(multi_losses())
    stronger = after(multi_losses(lambda_adv=(2.0, 5.0)))
    assert changed(base[0], stronger[0]), "lambda_adv must reach S"
    assert not changed(base[1] + base[2], stronger[1] + stronger[2]), "but not D"
    without = after(multi_losses(lambda_adv=(0.0, 0.0)))
    other_d = after(multi_losses(lambda_adv=(0.0, 0.0)), judge_seed=2)
    assert not changed(without[0], other_d[0]), "D's loss must not reach S"
    assert changed(without[2], other_d[2])


@pytest.mark.slow
def test_several_batches_count_as_the_mean_of_their_gradients():
    losses, batches = multi_losses(), [adaptation_batch(seed) for seed in (3, 4)]
    each = [updates(*learners(), [batch], losses) for batch in batches]
    together, scalars = updates(*learners(), batches, losses)
    mean = [
        [(a + b) / 2 for a, b in zip(one, other, strict=True)]
        for one, other in zip(each[0][0], each[1][0], strict=True)
    ]
    assert_close(together, mean)
    for name, value in scalars.items():
        parts = [float(part[1][name].numerator) for part in each] if name[-4:] == "rate" else None
        if parts:
            assert float(value.numerator) == sum(parts)
        elif name.endswith("_max"):
            assert isinstance(value, Maximum)
            largest = max(float(part[1][name].value) for part in each)
            assert float(value.value) == pytest.approx(largest)
        elif "loss" in name:
            expected = sum(float(part[1][name]) for part in each) / 2
            assert float(value) == pytest.approx(expected, rel=1e-5)


def test_source_only_never_looks_at_a_target_image():
    losses, batch = multi_losses(), adaptation_batch()
    broken = batch | {"target_image": tf.fill([1, 40, 40, 3], np.nan)}
    no_target = {name: batch[name] for name in ("source_image", "source_label")}
    states = []
    for given in (broken, no_target):
        segmenter, _ = learners()
        source_only_step(segmenter, [given], losses)
        states.append(values_of(segmenter.model))
    assert not changed(*states)
    assert all(np.isfinite(value).all() for value in states[0])


def test_a_lambda_of_zero_is_not_source_only_as_target_images_move_the_statistics():
    losses, batch = multi_losses(lambda_adv=(0.0, 0.0)), adaptation_batch()
    alone, (adapted, judges) = learners()[0], learners()
    source_only_step(alone, [batch], losses)
    adaptation_step(adapted, judges, [batch], losses)
    assert_close([trainable(adapted.model)], [trainable(alone.model)])
    assert changed(moving(alone.model), moving(adapted.model))


def test_with_statistics_a_domain_the_source_s_are_those_of_source_only():
    """Which keeps them where they are used, in the target's place: there is no other domain."""
    losses, batch = multi_losses(lambda_adv=(0.0, 0.0)), adaptation_batch()
    alone, (adapted, judges) = (
        learners(batch_norm="per_domain")[0],
        learners(batch_norm="per_domain"),
    )
    source_only_step(alone, [batch], losses)
    adaptation_step(adapted, judges, [batch], losses)
    of_alone, of_adapted = (
        {weight.name: weight.numpy() for weight in learner.model.non_trainable_weights}
        for learner in (alone, adapted)
    )
    compared = 0
    for name in of_adapted:
        own, used = name, name.replace("moving_mean", "moving_mean_target")
        used = used.replace("moving_variance", "moving_variance_target")
        if used in of_alone and used != own:
            np.testing.assert_array_equal(of_adapted[own], of_alone[used])
            assert not np.array_equal(of_adapted[used], of_alone[used])
            compared += 1
    assert compared > 10


def test_every_level_has_the_terms_of_the_segmentation_loss():
    terms = SegmentationTerms((1.0, 2.0, 3.0, 4.0, 5.0), lambda_dice=0.5)
    batch, (segmenter, judges) = adaptation_batch(), learners()
    image, label = batch["source_image"], batch["source_label"]
    maps = segmenter.model.level_logits(image, training=True, domain=SOURCE)
    expected = [
        float(segmentation_loss(resize_aligned(level, image.shape[1:3]), label, terms))
        for level in maps
    ]
    losses = multi_losses(terms=terms)
    scalars = adaptation_step(segmenter, judges, [batch], losses)
    got = [float(scalars["aux_loss_seg"]), float(scalars["loss_seg"])]
    assert got == pytest.approx(expected, rel=1e-5)
    again = source_only_step(learners()[0], [batch], losses)
    assert float(again["loss_seg"]) == pytest.approx(expected[1], rel=1e-5)


def test_a_level_without_a_discriminator_still_learns_to_segment():
    segmenter, judges = learners()
    got, scalars = updates(segmenter, [None, judges[1]], [adaptation_batch()], multi_losses())
    assert "aux_loss_seg" in scalars and "aux_loss_adv" not in scalars
    assert "loss_adv" in scalars and "loss_d" in scalars
    aux = {id(v) for v in segmenter.model.classifiers[0].trainable_variables}
    moved = [
        np.abs(gradient).max() > 0
        for variable, gradient in zip(segmenter.model.trainable_variables, got[0], strict=True)
        if id(variable) in aux
    ]
    assert len(moved) == 8 and all(moved)


@pytest.mark.slow
def test_within_a_graph_the_target_s_pass_waits_for_the_source_s_gradient():
    """Otherwise the activations of both passes could be in memory at once."""
    segmenter, judges = learners()
    batches = [adaptation_batch()]
    step = tf.function(
        lambda given: adaptation_step(segmenter, judges, given, multi_losses()), autograph=False
    )
    graph = step.get_concrete_function(batches).graph
    (target,) = (
        tensor
        for tensor in graph.inputs
        if tensor.shape == batches[0]["target_image"].shape and tensor.dtype == tf.float32
    )
    consumers = target.consumers()
    assert [consumer.type for consumer in consumers] == ["Identity"]
    waits_for = {operation.name for operation in consumers[0].control_inputs}
    assert len(waits_for) >= len(segmenter.model.trainable_variables)
    eager, _ = updates(*learners(), batches, multi_losses())
    before = trainable(segmenter.model)
    step(batches)
    after = trainable(segmenter.model)
    got = [(a - b) / RATE for a, b in zip(before, after, strict=True)]
    assert_close([got], eager[:1])


@pytest.mark.parametrize(
    "policy", [pytest.param("mixed_bfloat16", marks=pytest.mark.slow), "mixed_float16"]
)
def test_mixed_precision_gives_nearly_the_same_update(policy):
    """As close as so small a network allows: 24 % and 11 % were measured for S on a CPU."""
    batches, losses = [adaptation_batch()], multi_losses()
    expected, exact = updates(*learners(), batches, losses)
    tf.keras.mixed_precision.set_global_policy(policy)
    got, scalars = updates(*learners(), batches, losses)
    for name in (name for name in exact if "loss" in name):
        assert float(scalars[name]) == pytest.approx(float(exact[name]), rel=0.02)
    for one, other in zip(got, expected, strict=True):
        a, b = (np.concatenate([g.ravel() for g in gradients]) for gradients in (one, other))
        assert np.linalg.norm(a - b) < 0.4 * np.linalg.norm(b)


@pytest.mark.slow
def test_over_two_replicas_it_is_the_same_update(two_replicas):
    batch, losses = adaptation_batch(size=2), multi_losses()
    segmenter, judges = learners()
    expected, scalars = updates(segmenter, judges, [batch], losses)
    with two_replicas.scope():
        shared, shared_judges = learners()
    models = [shared.model, *(judge.model for judge in shared_judges)]
    before = [trainable(model) for model in models]

    @tf.function(autograph=False)
    def step(parts):
        return two_replicas.run(
            lambda part: adaptation_step(shared, shared_judges, [part], losses), args=(parts,)
        )

    dataset = tf.data.Dataset.from_tensors(batch).unbatch().batch(2)
    (parts,) = two_replicas.experimental_distribute_dataset(dataset)
    reports = two_replicas.experimental_local_results(step(parts))
    for report in reports:
        np.testing.assert_allclose(
            tf.nest.flatten(report), tf.nest.flatten(scalars), rtol=1e-3, atol=1e-4
        )
    got = [
        [(a - b) / RATE for a, b in zip(old, trainable(model), strict=True)]
        for old, model in zip(before, models, strict=True)
    ]
    assert_close(got, expected, 2e-3)
    for one, other in zip(moving(segmenter.model), moving(shared.model), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5)


def test_unequal_numbers_of_levels_and_no_discriminator_are_refused():
    segmenter, judges = learners()
    batch = [adaptation_batch()]
    with pytest.raises(ValueError, match=r"2 levels.*1, 2, 2"):
        adaptation_step(segmenter, judges, batch, multi_losses(lambda_seg=(1.0,)))
    with pytest.raises(ValueError, match=r"2 levels.*2, 2, 1"):
        adaptation_step(segmenter, judges[:1], batch, multi_losses())
    with pytest.raises(ValueError, match="call source_step"):
        adaptation_step(segmenter, [None, None], batch, multi_losses())
