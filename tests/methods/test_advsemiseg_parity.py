"""AdvSemiSeg computes what its published code computes, from weights and inputs made by a rule."""

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
    label,
    read_reference,
    record_gradients,
)
from tfadvseg.config import DiscriminatorConfig
from tfadvseg.interop.entries import entries
from tfadvseg.interop.tensor_files import write_tensors
from tfadvseg.interop.weights import restore
from tfadvseg.methods.advsemiseg import advsemiseg_step
from tfadvseg.methods.advsemiseg_parts import AdvSemiSegLosses
from tfadvseg.models.deeplab_v2 import deeplab_v2
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.models.multi_level import PUBLISHED_BRANCHES
from tfadvseg.training.schedules import poly
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD

pytestmark = pytest.mark.needs_shared_data

COLUMNS = {
    "loss_seg": "segmenter/loss_seg",
    "loss_adv_pred": "segmenter/loss_adv",
    "loss_semi_adv": "segmenter/loss_semi_adv",
    "loss_semi": "segmenter/loss_semi",
    "loss_D": "d/loss_d",
}


@pytest.fixture(scope="module")
def reference():
    return read_reference("advsemiseg")


@pytest.fixture(scope="module")
def networks(reference, tmp_path_factory):
    settings, _ = reference
    path = tmp_path_factory.mktemp("weights") / "state_dict.safetensors"

    def restored(model, tensors):
        write_tensors(path, tensors)
        restore(model, path)
        return model

    classes = settings["num_classes"]
    s = deeplab_v2(3, classes, tuple(settings["layers"]), False, branches=PUBLISHED_BRANCHES)
    of_d = random_state_dict(settings["discriminator"], settings["salts"]["discriminator"])
    for name, (factor, offset) in settings["discriminator_overrides"].items():
        of_d[name] = of_d[name] * np.float32(factor) + np.float32(offset)
    return (
        restored(s, random_state_dict(settings["segmenter"])),
        restored(fc_discriminator(classes, settings["ndf"]), of_d),
    )


def evaluation(networks, settings) -> dict[str, tf.Tensor]:
    segmenter, d = networks
    images = image(settings["tag"], "eval", 0, settings["batch"], settings["source_size"])
    (logits,) = segmenter.level_logits(images, training=False)
    maps = tf.nn.softmax(segmenter(images, training=False))
    return {"logits": logits, "D_logits": d(maps, training=False)}


def unused_branches(segmenter) -> list[np.ndarray]:
    (classifier,) = segmenter.classifiers
    return [
        weight.numpy()
        for convolution in classifier.convolutions[PUBLISHED_BRANCHES:]
        for weight in convolution.weights
    ]


@pytest.mark.slow
def test_losses_and_evaluation_before_and_after_training(reference, networks):
    settings, expected = reference
    segmenter, d = networks
    for name, value in evaluation(networks, settings).items():
        assert_equals(f"evaluation, {name}", value, expected[f"eval_{name}"], 1e-4)
    idle = unused_branches(segmenter)
    assert len(idle) == 4

    assert settings["power"] == 0.9
    sgd = TorchSGD(
        poly(settings["lr"], settings["num_steps"]),
        settings["momentum"],
        settings["weight_decay"],
        factors=[(segmenter.classifier_variables(), 10.0)],
    )
    adam = TorchAdam(poly(settings["lr_D"], settings["num_steps"]), *settings["adam_betas"])
    s_learner, d_learner = learner(segmenter, sgd), learner(d, adam)
    losses = AdvSemiSegLosses(
        settings["lambda_adv"],
        settings["lambda_semi_adv"],
        settings["lambda_semi"],
        settings["mask_T"],
    )
    config = DiscriminatorConfig(d_truth="one_hot")
    norms = {name: record_gradients(each) for name, each in (("", s_learner), ("_D", d_learner))}

    def step(batch):
        scalars = advsemiseg_step(s_learner, d_learner, batch, losses, config)
        models = {"": segmenter, "_D": d}
        return scalars, {
            network: [
                of_network[entry.variables[0].ref()]
                for key in settings[f"gradient_norm_order{network}"]
                for entry in entries(models[network])
                if entry.name == key
            ]
            for network, of_network in norms.items()
        }

    step = tf.function(step, autograph=False)
    tag, size, batch = settings["tag"], settings["source_size"], settings["batch"]
    classes = settings["num_classes"]
    for index, row in enumerate(expected["losses"]):
        mask = label(tag, "gt", index, batch, size, classes, settings["label_ignore"])
        scalars, gradients = step(few_label_batch(settings, index) | {"mask": mask})
        if index == 0:
            for network, values in gradients.items():
                name = f"first_gradient_norms{network}"
                assert_equals(name, values, expected[name], bound(settings, name, 1e-5))
        published = dict(zip(settings["losses_columns"], row, strict=True))
        tolerance = bound(settings, f"losses, iteration {index + 1}", LOSSES)
        for column, name in COLUMNS.items():
            what = f"iteration {index + 1}, {column}"
            assert_equals(what, scalars[name], published[column], tolerance)
        share = scalars["segmenter/semi_share"]
        assert float(share.numerator / share.denominator) == pytest.approx(
            published["semi_ratio"], abs=1e-6
        )

    after = evaluation(networks, settings)
    for name, value in after.items():
        tolerance = bound(settings, f"final_{name}", LATER)
        assert_equals(f"after training, {name}", value, expected[f"final_{name}"], tolerance)
    # They have no gradient, and must not decay either.
    for one, other in zip(idle, unused_branches(segmenter), strict=True):
        np.testing.assert_array_equal(one, other)
