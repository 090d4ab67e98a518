"""Every segmenter: any size, any precision, any method, checkpoints and exports."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf

from tests.methods.test_steps import trainable
from tests.testing_utils import changed, phases_of, tiny_config, values_of
from tfadvseg.config import Config
from tfadvseg.config.resolve import architecture, stride_of
from tfadvseg.config.segmenter import SegmenterConfig, SegmenterName
from tfadvseg.data.descriptors import DatasetDescriptor, default_palette
from tfadvseg.export.exported import load_exported
from tfadvseg.export.saved_model import export_saved_model
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.methods.adversarial import joint_step
from tfadvseg.methods.building import build_state
from tfadvseg.methods.supervised import segmentation_loss, supervised_step
from tfadvseg.models.deeplabv3plus import resnet_encoder
from tfadvseg.models.multi_level import level_logits
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.models.segmenters import build_segmenter
from tfadvseg.training.loop import compile_phase
from tfadvseg.training.state import Builder, TrainState
from tfadvseg.training.types import Batch, Phase, Scalars

SMALL = {
    "unet": SegmenterConfig("unet", width=4, depth=2),
    "segnet": SegmenterConfig("segnet", width=4, depth=2),
    "fcn": SegmenterConfig("fcn", width=4, depth=3),
    "strided_unet": SegmenterConfig("strided_unet", width=4, depth=3),
    "fcn8s": SegmenterConfig("fcn8s", width=2),
    "deeplabv3plus": SegmenterConfig("deeplabv3plus", backbone="resnet18_v2"),
    "deeplab_v2": SegmenterConfig("deeplab_v2", width=4, blocks=(1, 1, 1, 1)),
    "deeplab_v2_vgg": SegmenterConfig("deeplab_v2_vgg", width=4),
}
every_segmenter = pytest.mark.parametrize("name", get_args(SegmenterName))


def descriptor(classes: int) -> DatasetDescriptor:
    return DatasetDescriptor(
        name="noise",
        class_names=tuple(f"class{index}" for index in range(classes)),
        palette=default_palette(classes),
        image_channels=3,
    )


def config_for(name: str) -> Config:
    return dataclasses.replace(tiny_config(method={"method": "adversarial"}), segmenter=SMALL[name])


def state_for(name: str, classes: int) -> TrainState:
    tf.keras.utils.set_random_seed(1)
    return build_state(Builder(config_for(name), descriptor(classes)))


def noise_batch(classes: int, size: tuple[int, int] = (16, 16)) -> dict[str, tf.Tensor]:
    random = np.random.default_rng(0)
    label = random.integers(0, classes, (4, *size))
    label[:, :2] = 255
    return {
        "image": tf.constant(random.normal(size=(4, *size, 3)), tf.float32),
        "label": tf.constant(label, tf.int32),
    }


@cache
def built(name: str, classes: int) -> tf.keras.Model:
    """Shared by tests, which must not change it."""
    return build_segmenter(SMALL[name], classes, 3)


def randomise(model: tf.keras.Model) -> None:
    """Every variable, including batch-norm statistics, so that no part of the network is idle."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        noise = random.normal(size=variable.shape)
        if "gamma" in variable.name or "variance" in variable.name:
            noise = 1 + 0.1 * np.abs(noise)
        elif len(variable.shape) > 1:
            noise *= np.sqrt(2 / np.prod(variable.shape[:-1]))
        else:
            noise *= 0.1
        variable.assign(noise)


def test_every_segmenter_is_tested():
    assert set(SMALL) == set(get_args(SegmenterName))


@every_segmenter
@pytest.mark.parametrize("classes", [2, 11])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (3, 1)])
def test_takes_any_size(name, classes, size):
    if name == "deeplab_v2_vgg" and min(size) < 8:
        pytest.skip("its three poolings leave nothing, as in the published network")
    model = built(name, classes)
    logits = model(tf.random.normal([2, *size, 3]), training=False)
    assert logits.shape == [2, *size, 1 if classes == 2 else classes]
    assert logits.dtype == tf.float32
    assert np.isfinite(logits).all()


@every_segmenter
def test_every_variable_has_a_name_of_its_own(name):
    """TensorBoard's histograms go by these names."""
    names = [variable.name for variable in built(name, 3).variables]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [n for n in SMALL if not n.startswith("deeplab_v2")])
def test_images_are_padded_to_the_configured_stride(name):
    """An image whose size is a multiple of the stride is not padded: its logits are unchanged."""
    stride = stride_of(SMALL[name])
    pad = built(name, 2).get_layer("pad")
    assert pad.multiple == stride
    assert pad(tf.zeros([1, stride, 2 * stride, 3])).shape == [1, stride, 2 * stride, 3]
    assert pad(tf.zeros([1, stride + 1, 1, 3])).shape == [1, 2 * stride, stride, 3]


# DeepLabV3+ in float16 takes a minute: its encoder is large, and CPUs have no such convolutions.
# Many have none in bfloat16 either.
MIXED = [
    pytest.param(name, policy, marks=pytest.mark.slow if name == "deeplabv3plus" else [])
    for name in get_args(SegmenterName)
    for policy in ("mixed_bfloat16", "mixed_float16")
    if (name, policy) != ("deeplabv3plus", "mixed_float16")
]


@pytest.mark.parametrize(("name", "policy"), MIXED)
def test_supervised_step_in_mixed_precision(name, policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    learner = state_for(name, 11).segmenter
    assert learner.model(noise_batch(11)["image"], training=False).dtype == tf.float32
    before = values_of(learner.model)
    scalars = supervised_step(learner, noise_batch(11))
    assert 0.5 * np.log(11) < float(scalars["segmenter/loss_seg"]) < 20 * np.log(11)
    assert changed(before, values_of(learner.model))
    assert all(np.isfinite(value).all() for value in values_of(learner.model))


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        pytest.param(name, classes, marks=pytest.mark.slow if name.startswith("deeplab") else [])
        for name in get_args(SegmenterName)
        for classes in ((2, 11) if name in ("unet", "segnet") else (11,))
    ],
)
def test_joint_adversarial_step(name, classes):
    state = state_for(name, classes)
    before = values_of(state.segmenter.model), values_of(state.learners["discriminator"].model)
    scalars = joint_step(
        state.segmenter,
        state.learners["discriminator"],
        noise_batch(classes, (17, 20)),
        tf.constant(0.1),
        config_for(name).discriminator,
    )
    losses = ("segmenter/loss_seg", "segmenter/loss_adv", "d/loss_d")
    assert all(np.isfinite(float(scalars[term])) for term in losses)
    assert changed(before[0], values_of(state.segmenter.model))
    assert changed(before[1], values_of(state.learners["discriminator"].model))


# The encoder D is refused with adaptation: it judges windows of one size, and domains' may differ.
# No network is refused anywhere. Windows have at least the 32 pixels that the fc D needs.
WAYS = {
    "joint_encoder": {"discriminator": {"discriminator": "encoder"}},
    "joint_fc": {"discriminator": {"discriminator": "fc"}},
    "alternating_patch": {
        "discriminator": {"discriminator": "patch"},
        "method": {"schedule": "alternating"},
    },
    "adaptation_fc": {
        "discriminator": {"discriminator": "fc"},
        "method": {"method": "adaptation"},
        "target": {"dataset": "noise", "crop_size": (32, 40)},
    },
}
QUICKEST = [
    ("fcn", "joint_encoder"),
    ("segnet", "joint_fc"),
    ("strided_unet", "alternating_patch"),
    ("unet", "adaptation_fc"),
]
"""One of each way; the others are slow tests."""


def batch_for(phase: Phase) -> Batch:
    batch = noise_batch(11, (32, 32))
    match phase.name:
        case "discriminator":
            return batch | {"is_real": tf.constant([True, False, False, True])}
        case "adaptation":
            return {
                "source_image": batch["image"],
                "source_label": batch["label"],
                "target_image": noise_batch(11, (32, 40))["image"],
            }
        case _:
            return batch


@pytest.mark.parametrize(
    ("name", "way"),
    [
        pytest.param(name, way, marks=[] if (name, way) in QUICKEST else pytest.mark.slow)
        for name in get_args(SegmenterName)
        for way in WAYS
    ],
)
def test_one_update_with_every_method_and_discriminator(name, way):
    """Compiled as in training."""
    config = tiny_config(data={"crop_size": (32, 32)}, **WAYS[way])
    config = dataclasses.replace(config, segmenter=SMALL[name])
    state = build_state(Builder(config, descriptor(11)))
    models = [state.segmenter.model, state.learners["discriminator"].model]
    before = [trainable(model) for model in models]
    scalars: Scalars = {}
    for phase in phases_of(config, state):
        step = compile_phase(phase, tf.distribute.get_strategy(), xla=False)
        scalars |= step(batch_for(phase), {"lambda_adv": tf.constant(0.1)})
    for loss in ("segmenter/loss_seg", "segmenter/loss_adv", "d/loss_d"):
        assert np.isfinite(float(scalars[loss])), loss
    for model, weights in zip(models, before, strict=True):
        assert changed(weights, trainable(model)), model.name
        assert all(np.isfinite(weight).all() for weight in values_of(model)), model.name


@every_segmenter
def test_gradient_reaches_every_trainable_variable(name):
    # As in a method that trains only the last level.
    model = build_segmenter(config_for(name).segmenter, 11, 3)
    batch = noise_batch(11, (32, 32))
    with tf.GradientTape() as tape:
        loss = segmentation_loss(model(batch["image"], training=True), batch["label"])
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        # KerasCV's ResNets have biases before batch norm, whose gradient is rounding noise.
        if not (
            name == "deeplabv3plus" and "bias" in variable.name and "logits" not in variable.name
        ):
            assert float(tf.reduce_max(tf.abs(gradient))) > 1e-7, variable.name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "unet" else pytest.mark.slow)
        for name in get_args(SegmenterName)
    ],
)
def test_checkpoint_and_export_restore_the_same_network(name, tmp_path):
    facts = descriptor(11)
    model = build_segmenter(SMALL[name], 11, 3)
    randomise(model)
    images = np.random.default_rng(0).integers(0, 256, (1, 21, 34, 3), np.uint8)
    normalised = tf.constant((images - 120.0) / 60.0, tf.float32)
    level_logits(model, normalised, training=True)
    logits = model(normalised, training=False)
    # Neither clipped nor converted to probabilities.
    assert np.min(logits) < 0 < np.max(logits)
    assert np.abs(np.sum(logits, axis=-1)).max() > 1e-3

    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    other = build_segmenter(SMALL[name], 11, 3)
    tf.train.Checkpoint(model=other).read(path).assert_consumed()
    np.testing.assert_array_equal(other(normalised, training=False), logits)

    spec = ModelSpec(
        segmenter=architecture(SMALL[name]),
        class_names=facts.class_names,
        palette=facts.palette,
        image_channels=3,
        mean=(120.0,) * 3,
        std=(60.0,) * 3,
        foreground_class=None,
        dataset=facts.name,
        crop_size=(16, 16),
    )
    loaded = load_exported(export_saved_model(model, spec, tmp_path / "export"))
    assert loaded.spec == spec
    np.testing.assert_allclose(
        loaded.predict_probabilities(images), class_probabilities(logits), atol=1e-4
    )


def test_batch_norm_spans_replicas(two_replicas):
    check_replicas(two_replicas, lambda: build_segmenter(SMALL["segnet"], 11, 3))


@pytest.mark.slow
def test_batch_norm_of_kerascv_encoders_spans_replicas(two_replicas):
    def encoder() -> tf.keras.Model:
        model = resnet_encoder(3, "resnet18_v2")
        return tf.keras.Model(model.input, model.outputs[1])

    check_replicas(two_replicas, encoder)


def check_replicas(two_replicas: tf.distribute.Strategy, build: Callable[[], tf.keras.Model]):
    """In training, two replicas give the same result for a batch as one."""
    images = tf.random.normal([4, 32, 32, 3])
    one = build()
    with two_replicas.scope():
        two = build()
        two.set_weights(one.get_weights())
    halves = two_replicas.experimental_distribute_values_from_function(
        lambda context: tf.split(images, 2)[context.replica_id_in_sync_group]
    )

    @tf.function(autograph=False)
    def on_two(halves):
        return two_replicas.run(lambda half: two(half, training=True), args=(halves,))

    parts = two_replicas.experimental_local_results(on_two(halves))
    expected = one(images, training=True)
    np.testing.assert_allclose(tf.concat(parts, axis=0), expected, atol=1e-3, rtol=1e-3)
    alone = one(images[:2], training=True)
    assert not np.allclose(alone, expected[:2], atol=1e-2), "or this would show nothing"
