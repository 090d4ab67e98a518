"""Restoring, initialising and writing: all or nothing, with every difference named."""

import numpy as np
import pytest
import tensorflow as tf

from tests.interop.state_dicts import random_state_dict, resnet_spec
from tests.testing_utils import changed, values_of
from tfadvseg.errors import UserError
from tfadvseg.interop.entries import entries
from tfadvseg.interop.sources import (
    DEEPLAB_INIT,
    GTA2CITYSCAPES,
    GTA2CITYSCAPES_LAST_LEVEL,
    TORCHVISION_RESNET,
    TORCHVISION_VGG16,
)
from tfadvseg.interop.tensor_files import read_tensors, write_tensors
from tfadvseg.interop.weights import initialise, restore, save
from tfadvseg.models.deeplab_v2 import TINY, deeplab_v2
from tfadvseg.models.deeplab_v2_vgg import deeplab_v2_vgg
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.models.segnet import segnet
from tfadvseg.models.unet import unet


def tiny(**options):
    return deeplab_v2(3, 5, **({"blocks": TINY, "width": 4} | options))


@pytest.fixture(scope="module")
def network():
    """One for all tests that only look at what they loaded themselves."""
    return tiny()


def file_of(tmp_path, tensors):
    write_tensors(tmp_path / "weights.npz", tensors)
    return tmp_path / "weights.npz"


def test_names_shapes_and_order_are_the_published_code_s():
    model = tiny(blocks=(2, 1, 3, 1))
    assert [(e.name, e.shape) for e in entries(model)] == resnet_spec((2, 1, 3, 1))
    single = resnet_spec(classifiers=(4,))
    assert [(e.name, e.shape) for e in entries(tiny(multi_level=False))] == single
    d_names = [f"{n}.{k}" for n in ("conv1", "conv2", "conv3", "conv4") for k in ("weight", "bias")]
    spec = [(e.name, e.shape) for e in entries(fc_discriminator(19))]
    assert [name for name, _ in spec] == [*d_names, "classifier.weight", "classifier.bias"]
    assert dict(spec)["conv2.weight"] == (128, 64, 4, 4)
    vgg = [e.name for e in entries(deeplab_v2_vgg(3, 5, width=4)) if e.name.endswith("weight")]
    numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31]
    heads = [f"classifier.conv2d_list.{i}.weight" for i in range(4)]
    assert vgg == [f"features.{n}.weight" for n in numbers] + heads
    for unknown in (unet(1, 1, 2, 1), segnet(3, 3, 4, (2, 2))):
        with pytest.raises(TypeError, match=unknown.name):
            entries(unknown)


def test_every_variable_is_an_entry_of_its_own():
    darkfield = segnet(3, 3, 4, decoder="darkfield")
    for model in (tiny(batch_norm="per_domain"), deeplab_v2_vgg(3, 5, width=4), darkfield):
        variables = [id(variable) for entry in entries(model) for variable in entry.variables]
        assert sorted(variables) == sorted(map(id, model.variables))


def test_a_restored_network_holds_the_file_in_its_own_layout(network, tmp_path):
    state = random_state_dict(resnet_spec())
    restore(network, file_of(tmp_path, state))
    kernel = state["layer2.0.conv2.weight"]
    ours = network.body.stages[1].blocks[0].conv2.kernel.numpy()
    assert ours[0, 2, 3, 5] == kernel[5, 3, 0, 2] and ours[2, 1, 0, 7] == kernel[7, 0, 2, 1]
    norm = network.body.stages[3].blocks[0].shortcut_bn
    np.testing.assert_array_equal(norm.gamma, state["layer4.0.downsample.1.weight"])
    np.testing.assert_array_equal(norm.beta, state["layer4.0.downsample.1.bias"])
    np.testing.assert_array_equal(
        norm.moving_variances[0], state["layer4.0.downsample.1.running_var"]
    )
    convolution = network.classifiers[1].convolutions[3]
    np.testing.assert_array_equal(convolution.bias, state["layer6.conv2d_list.3.bias"])


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_saved_is_what_was_restored(suffix, network, tmp_path):
    state = random_state_dict(resnet_spec())
    restore(network, file_of(tmp_path, state))
    save(network, tmp_path / f"back{suffix}")
    back = read_tensors(tmp_path / f"back{suffix}")
    assert back.keys() == state.keys()
    if suffix == ".npz":  # the safetensors library has an order of its own
        assert list(back) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(back[name], value)
        assert back[name].dtype == value.dtype


@pytest.mark.parametrize(
    "build", [lambda: deeplab_v2_vgg(3, 5, width=4), lambda: fc_discriminator(5)]
)
def test_other_networks_go_through_a_file_and_back(build, tmp_path):
    model, other = build(), build()
    for variable in model.variables:
        variable.assign(tf.random.normal(variable.shape))
    save(model, tmp_path / "weights.npz")
    restore(other, tmp_path / "weights.npz")
    assert not changed(values_of(model), values_of(other))


def test_both_domains_start_from_the_same_statistics_and_the_target_s_are_saved(tmp_path):
    state = random_state_dict(resnet_spec())
    model = tiny(batch_norm="per_domain")
    restore(model, file_of(tmp_path, state))
    for mean in model.body.bn1.moving_means:
        np.testing.assert_array_equal(mean, state["bn1.running_mean"])
    model.body.bn1.moving_means[1].assign_add([1.0] * 4)
    save(model, tmp_path / "back.npz")
    back = read_tensors(tmp_path / "back.npz")["bn1.running_mean"]
    np.testing.assert_array_equal(back, state["bn1.running_mean"] + 1)


def test_counters_of_batches_may_be_absent_as_in_old_files(network, tmp_path):
    state = random_state_dict(resnet_spec())
    old = {name: value for name, value in state.items() if "num_batches" not in name}
    restore(network, file_of(tmp_path, old))
    np.testing.assert_array_equal(network.body.bn1.beta, state["bn1.bias"])


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: without(s, "bn1.bias"), r"1 missing \(bn1.bias\)"),
        (lambda s: s | {"extra.weight": np.ones(3)}, r"1 unexpected \(extra.weight\)"),
        (
            lambda s: s | {"conv1.weight": np.ones((4, 1, 7, 7))},
            r"conv1.weight \(4, 1, 7, 7\) for \(4, 3, 7, 7\)",
        ),
        (
            lambda s: s | {"layer6.conv2d_list.1.bias": np.ones(19)},
            r"1 of another shape \(layer6.conv2d_list.1.bias \(19,\) for \(5,\)\)",
        ),
        (lambda s: s | {"bn1.num_batches_tracked": np.zeros(3)}, r"\(3,\) for \(\)"),
        (
            lambda _: random_state_dict(resnet_spec((1, 1, 2, 1))),
            r"18 unexpected \(layer3.1.conv1.weight, .* and 14 more\)",
        ),
        (lambda s: {}, "missing"),
    ],
)
def test_restoring_another_file_names_the_difference_and_loads_nothing(
    change, message, network, tmp_path
):
    before = values_of(network)
    with pytest.raises(UserError, match=message) as error:
        restore(network, file_of(tmp_path, change(random_state_dict(resnet_spec(), "other/"))))
    assert "Nothing was loaded" in str(error.value) and "\n" not in str(error.value)
    assert not changed(before, values_of(network))


def test_the_published_initialisation_file(tmp_path):
    """One classifier for 21 classes, every name prefixed, no counters."""
    spec = resnet_spec(classifiers=(4,), classes=21)
    state = random_state_dict([entry for entry in spec if "num_batches" not in entry[0]])
    path = file_of(tmp_path, {f"Scale.{name}": value for name, value in state.items()})
    for model, levels in ((tiny(), (5, 6)), (tiny(multi_level=False), (5,))):
        fresh = [c.get_weights() for c in model.classifiers]
        report = initialise(model, path, DEEPLAB_INIT)
        for classifier, weights in zip(model.classifiers, fresh, strict=True):
            assert not changed(weights, classifier.get_weights())
        np.testing.assert_array_equal(model.body.bn1.beta, state["bn1.bias"])
        assert {name.split(".")[0] for name in report.fresh} == {f"layer{n}" for n in levels}
        assert len(report.fresh) == 8 * len(levels) and len(report.unused) == 8
        assert all(name.startswith("Scale.layer5.") for name in report.unused)
        assert set(report.loaded) == {n for n in state if not n.startswith("layer5")}
        assert f"{len(report.loaded)} entries loaded" in str(report)
    with pytest.raises(UserError, match=r"begins with 'Scale\."):
        initialise(tiny(), file_of(tmp_path, state), DEEPLAB_INIT)


def test_torchvision_s_resnet(tmp_path):
    body = [entry for entry in resnet_spec() if not entry[0].startswith(("layer5", "layer6"))]
    state = random_state_dict([*body, ("fc.weight", (1000, 128)), ("fc.bias", (1000,))])
    path = file_of(tmp_path, state)
    report = initialise(tiny(stride_place="3x3"), path, TORCHVISION_RESNET)
    assert report.unused == ("fc.weight", "fc.bias") and len(report.fresh) == 16
    with pytest.raises(UserError, match=r"strides in the 3x3.*--stride_place=3x3"):
        initialise(tiny(), path, TORCHVISION_RESNET)


def test_a_published_two_level_file_serves_a_single_level_network_too(tmp_path):
    state = random_state_dict(resnet_spec())
    path = file_of(tmp_path, state)
    multi, single = tiny(), tiny(multi_level=False)
    assert initialise(multi, path, GTA2CITYSCAPES).fresh == ()
    report = initialise(single, path, GTA2CITYSCAPES_LAST_LEVEL)
    assert report.fresh == () and len(report.unused) == 8
    images = tf.random.normal([1, 33, 40, 3])
    np.testing.assert_array_equal(single(images), multi(images))
    with pytest.raises(UserError, match=r"8 unexpected \(layer6"):
        restore(single, path)
    with pytest.raises(UserError, match=r"8 missing \(layer6"):
        initialise(multi, path, GTA2CITYSCAPES_LAST_LEVEL)


@pytest.mark.slow
def test_torchvision_s_vgg_16(tmp_path):
    """Its convolutions are numbered with all five poolings; ours with the remaining three."""
    numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    model = deeplab_v2_vgg(3, 5, width=4)
    shapes = [entry.shape for entry in entries(model)][:26]
    names = [f"features.{n}.{kind}" for n in numbers for kind in ("weight", "bias")]
    spec = [*zip(names, shapes, strict=True), ("classifier.0.weight", (4096, 25088))]
    state = random_state_dict([*spec, ("classifier.0.bias", (4096,))])
    report = initialise(model, file_of(tmp_path, state), TORCHVISION_VGG16)
    np.testing.assert_array_equal(model.body.blocks[4][2].bias, state["features.28.bias"])
    np.testing.assert_array_equal(model.body.blocks[3][2].bias, state["features.21.bias"])
    assert report.unused == ("classifier.0.weight", "classifier.0.bias")
    assert {name.rsplit(".", 1)[0] for name in report.fresh} == {
        "features.29",
        "features.31",
        *(f"classifier.conv2d_list.{i}" for i in range(4)),
    }


def test_a_bias_before_a_batch_norm_goes_into_its_mean(tmp_path):
    """The published darkfield SegNet has them, ours has none and computes the same."""
    model = segnet(3, 3, 4, decoder="darkfield")
    state = random_state_dict([(entry.name, entry.shape) for entry in entries(model)])
    # A convolution by hand: all zeros but the tap at the centre, so each channel copies another.
    state["encoder_conv1.weight"] = np.zeros((4, 3, 3, 3), np.float32)
    for output, source in enumerate((0, 2, 1, 0)):
        state["encoder_conv1.weight"][output, source, 1, 1] = 1
    restore(model, file_of(tmp_path, state))
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    first = tf.keras.Model(model.input, model.get_layer("down0_1_norm").output)
    mean, variance, scale, offset = (
        state[f"encoder_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    biased = image[..., [0, 2, 1, 0]] + state["encoder_conv1.bias"]
    expected = (biased - mean) / np.sqrt(variance + 1e-5) * scale + offset
    np.testing.assert_allclose(first(image, training=False), expected, atol=1e-5)

    save(model, tmp_path / "again.npz")
    again = read_tensors(tmp_path / "again.npz")
    assert list(again) == list(state)
    assert not again["encoder_conv1.bias"].any()
    np.testing.assert_allclose(
        again["encoder_bn1.running_mean"], mean - state["encoder_conv1.bias"]
    )
    other = segnet(3, 3, 4, decoder="darkfield")
    restore(other, tmp_path / "again.npz")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
