"""DAN computes what SSL4MIS computes, from weights and inputs made by a rule."""

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
from tfadvseg.config import DiscriminatorConfig
from tfadvseg.methods.dan import dan_step, shown_to_d
from tfadvseg.methods.supervised import segmentation_loss
from tfadvseg.models.pooled_discriminator import pooled_discriminator
from tfadvseg.training.torch_optimizers import TorchAdam

pytestmark = pytest.mark.needs_shared_data


class AdamOfSums(TorchAdam):
    """Moves variables twice as far that stand for a sum or a difference of two published ones."""

    def __init__(self, *args, twice, **kwargs):
        super().__init__(*args, **kwargs)
        self._twice = frozenset(map(self._var_key, twice))

    def update_step(self, gradient, variable):
        before = tf.identity(variable)
        super().update_step(gradient, variable)
        if self._var_key(variable) in self._twice:
            variable.assign_add(variable - before)


@pytest.fixture(scope="module")
def reference():
    return read_reference("dan_acdc")


@pytest.fixture(scope="module")
def networks(reference):
    settings, _ = reference
    segmenter = published_unet(settings["channels"], settings["num_classes"])
    load_published(segmenter, random_state_dict(settings["segmenter"]))
    tensors = random_state_dict(settings["discriminator"], settings["salts"]["discriminator"])
    channels = settings["num_classes"] + settings["channels"]
    d = pooled_discriminator(tuple(settings["source_size"]), channels, settings["ndf"], dropout=0)
    tensors["conv1.weight"] = np.concatenate([tensors["conv0.weight"], tensors["conv1.weight"]], 1)
    tensors["conv1.bias"] += tensors["conv0.bias"]
    load_published(d, tensors)
    # Published features are flattened channels first.
    weight = tensors["classifier.weight"].reshape(2, -1, 2, 2).transpose(0, 2, 3, 1).reshape(2, -1)
    bias = tensors["classifier.bias"]
    d.get_layer("classifier").set_weights([(weight[1] - weight[0])[:, None], bias[1:] - bias[:1]])
    return segmenter, d


def evaluation(networks, settings) -> dict[str, np.ndarray]:
    segmenter, d = networks
    tag, batch, channels = settings["tag"], settings["batch"], settings["channels"]
    images = image(tag, "eval", 0, batch, settings["eval_size"], channels)
    for_d = image(tag, "evalD", 0, batch, settings["source_size"], channels)
    maps = tf.nn.softmax(segmenter(for_d, training=False))
    shown = shown_to_d(maps, for_d, DiscriminatorConfig(d_image="concat"))
    return {"logits": segmenter(images, training=False), "D_logits": d(shown, training=False)}


def published_logit(two: np.ndarray) -> np.ndarray:
    """Our logit of two published ones, [B,2] to [B,1,1,1]."""
    return (two[:, 1] - two[:, 0])[:, None, None, None]


@pytest.mark.slow
def test_losses_and_evaluation_before_and_after_training(reference, networks):
    settings, expected = reference
    segmenter, d = networks
    before = evaluation(networks, settings)
    assert_equals("evaluation, logits", before["logits"], expected["eval_logits"], 1e-4)
    expected_d = published_logit(expected["eval_D_logits"])
    assert_equals("evaluation, D", before["D_logits"], expected_d, 1e-4)

    classifier = d.get_layer("classifier")
    adam = AdamOfSums(
        settings["lr_D"],
        *settings["adam_betas"],
        twice=[d.get_layer("conv1").bias, classifier.kernel, classifier.bias],
    )
    s_learner, d_learner = learner(segmenter, published_sgd(settings)), learner(d, adam)
    config = DiscriminatorConfig(d_image="concat")

    def segmentation(logits, label):
        cross_entropy = segmentation_loss(logits, label)
        return 0.5 * (cross_entropy + published_dice(tf.nn.softmax(logits), label))

    weight = settings["consistency_weight"]
    norms = record_gradients(s_learner)
    named = first_gradient_norms(settings, expected)

    def step(batch):
        scalars = dan_step(s_learner, d_learner, batch, weight, config, segmentation)
        return scalars, [norms[variables[key].ref()] for key in named]

    variables = published_names(segmenter)
    step = tf.function(step, autograph=False)
    for index, row in enumerate(expected["losses"]):
        scalars, gradients = step(few_label_batch(settings, index))
        if index == 0:
            tolerance = bound(settings, "first_gradient_norms", 1e-4)
            assert_equals("first gradient norms", gradients, [*named.values()], tolerance)
        total, ce, dice, consistency, d_loss = row
        tolerance = bound(settings, f"losses, iteration {index + 1}", LOSSES)
        loss_s = scalars["segmenter/loss_seg"] + weight * scalars["segmenter/loss_adv"]
        got = {
            "total": (loss_s, total),
            "segmentation": (scalars["segmenter/loss_seg"], 0.5 * (ce + dice)),
            "consistency": (scalars["segmenter/loss_adv"], consistency),
            "D": (scalars["d/loss_d"], d_loss),
        }
        for name, (value, published) in got.items():
            assert_equals(f"iteration {index + 1}, {name}", value, published, tolerance)

    after = evaluation(networks, settings)
    tolerance = bound(settings, "final_logits", LATER)
    assert_equals("after training, logits", after["logits"], expected["final_logits"], tolerance)
    expected_d = published_logit(expected["final_D_logits"])
    assert_equals("after training, D", after["D_logits"], expected_d, LATER)
