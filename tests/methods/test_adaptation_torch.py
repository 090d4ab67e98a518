"""Several updates, compared with the same computation in PyTorch, for all kinds of options.

Skipped if PyTorch is not installed; the fixed reference numbers cover one setting without it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.interop.state_dicts import random_state_dict, resnet_spec
from tests.methods.adaptation_testing import adaptation_batch, adaptation_step, learner
from tfadvseg.interop.entries import entries
from tfadvseg.interop.tensor_files import write_tensors
from tfadvseg.interop.weights import restore, save
from tfadvseg.methods.adaptation import AdaptationLosses
from tfadvseg.models.deeplab_v2 import deeplab_v2
from tfadvseg.models.deeplab_v2_vgg import deeplab_v2_vgg
from tfadvseg.models.fc_discriminator import fc_discriminator
from tfadvseg.training.schedules import poly
from tfadvseg.training.torch_optimizers import TorchAdam, TorchSGD

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
functional = torch.nn.functional

UPDATES = 4
RATE, RATE_D = 2e-3, 1e-3
Weights = dict[str, Any]


def batch_norm(x, weights: Weights, name: str, training: bool):
    mean, variance, scale, offset = (
        weights[f"{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return functional.batch_norm(x, mean, variance, scale, offset, training)


def bottleneck(x, weights: Weights, name: str, stride: int, dilation: int, training: bool):
    y = functional.conv2d(x, weights[f"{name}.conv1.weight"], stride=stride)
    y = batch_norm(y, weights, f"{name}.bn1", training).relu()
    y = functional.conv2d(y, weights[f"{name}.conv2.weight"], padding=dilation, dilation=dilation)
    y = batch_norm(y, weights, f"{name}.bn2", training).relu()
    y = functional.conv2d(y, weights[f"{name}.conv3.weight"])
    y = batch_norm(y, weights, f"{name}.bn3", training)
    if f"{name}.downsample.0.weight" in weights:
        x = functional.conv2d(x, weights[f"{name}.downsample.0.weight"], stride=stride)
        x = batch_norm(x, weights, f"{name}.downsample.1", training)
    return (x + y).relu()


def classifier(x, weights: Weights, name: str, branches: int):
    return sum(
        functional.conv2d(
            x,
            weights[f"{name}.conv2d_list.{index}.weight"],
            weights[f"{name}.conv2d_list.{index}.bias"],
            padding=6 * (index + 1),
            dilation=6 * (index + 1),
        )
        for index in range(branches)
    )


def segmenter_levels(x, weights: Weights, branches: int, training: bool = True) -> list:
    x = functional.conv2d(x, weights["conv1.weight"], stride=2, padding=3)
    x = batch_norm(x, weights, "bn1", training).relu()
    x = functional.max_pool2d(x, 3, 2, 1, ceil_mode=True)
    features = []
    for stage, (stride, dilation) in enumerate(((1, 1), (2, 1), (1, 2), (1, 4)), start=1):
        index = 0
        while f"layer{stage}.{index}.conv1.weight" in weights:
            first = stride if index == 0 else 1
            x = bottleneck(x, weights, f"layer{stage}.{index}", first, dilation, training)
            index += 1
        features.append(x)
    names = [n for n in ("layer5", "layer6") if f"{n}.conv2d_list.0.bias" in weights]
    levels = features[-len(names) :]
    return [classifier(f, weights, n, branches) for f, n in zip(levels, names, strict=True)]


def discriminator(x, weights: Weights):
    for name in ("conv1", "conv2", "conv3", "conv4", "classifier"):
        x = functional.conv2d(
            x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=2, padding=1
        )
        if name != "classifier":
            x = functional.leaky_relu(x, 0.2)
    return x


def upsampled(levels: list, size) -> list:
    return [
        functional.interpolate(level, tuple(size), mode="bilinear", align_corners=True)
        for level in levels
    ]


def parameters(weights: Weights, chosen: Callable[[str], bool]) -> list:
    found = [value for name, value in weights.items() if chosen(name)]
    for value in found:
        value.requires_grad_(True)
    return found


def train_in_torch(s: Weights, ds: list[Weights], groups, losses: AdaptationLosses, branches: int):
    """The published loop; one update accumulates over each of `groups`."""

    def is_classifier(name: str) -> bool:
        return name.startswith(("layer5", "layer6"))

    def is_body(name: str) -> bool:
        return s[name].ndim == 4 and not is_classifier(name)

    s_optimizer = torch.optim.SGD(
        [{"params": parameters(s, is_body)}, {"params": parameters(s, is_classifier)}],
        lr=RATE,
        momentum=0.9,
        weight_decay=5e-4,
    )
    d_optimizers = [
        torch.optim.Adam(parameters(d, lambda _: True), lr=RATE_D, betas=(0.9, 0.99)) for d in ds
    ]
    compare = (
        functional.mse_loss if losses.gan == "ls" else functional.binary_cross_entropy_with_logits
    )

    def answer(weights: Weights, maps, label: float):
        logits = discriminator(maps.softmax(dim=1), weights)
        return compare(logits, torch.full_like(logits, label))

    history = []
    for update, group in enumerate(groups):
        decay = (1 - update / UPDATES) ** 0.9
        for optimizer, rates in (
            (s_optimizer, (RATE, 10 * RATE)),
            *((o, (RATE_D,)) for o in d_optimizers),
        ):
            optimizer.zero_grad()
            for parameter_group, rate in zip(optimizer.param_groups, rates, strict=True):
                parameter_group["lr"] = decay * rate
        for source, label, target in group:
            maps = upsampled(segmenter_levels(source, s, branches), source.shape[2:])
            seg = [functional.cross_entropy(m, label, ignore_index=255) for m in maps]
            total = sum(w * v for w, v in zip(losses.lambda_seg, seg, strict=True))
            (total / len(group)).backward()
            of_target = upsampled(segmenter_levels(target, s, branches), target.shape[2:])
            adv = [answer(d, m, 0.0) for d, m in zip(ds, of_target, strict=True)]
            total = sum(w * v for w, v in zip(losses.lambda_adv, adv, strict=True))
            leaves = [p for group_ in s_optimizer.param_groups for p in group_["params"]]
            used = [p for p in leaves if p.grad is not None]
            (total / len(group)).backward(inputs=used)
            for d, one, other in zip(ds, maps, of_target, strict=True):
                loss = (answer(d, one.detach(), 0.0) + answer(d, other.detach(), 1.0)) / 2
                (loss / len(group)).backward()
        for optimizer in (s_optimizer, *d_optimizers):
            optimizer.step()
        history.append(([float(v.detach()) for v in seg], [float(v.detach()) for v in adv]))
    return history


def to_torch(batch: dict[str, tf.Tensor]):
    def image(name: str):
        return torch.from_numpy(batch[name].numpy().transpose(0, 3, 1, 2).copy())

    label = torch.from_numpy(batch["source_label"].numpy().astype(np.int64))
    return image("source_image"), label, image("target_image")


@pytest.mark.parametrize(
    ("blocks", "multi_level", "gan", "batch", "iter_size", "branches"),
    [
        ((1, 1, 1, 1), True, "vanilla", 1, 1, 2),
        ((2, 1, 3, 2), True, "ls", 2, 1, 4),
        ((1, 2, 1, 1), False, "ls", 1, 2, 2),
        ((1, 1, 1, 2), False, "vanilla", 2, 3, 4),
    ],
)
def test_updates_equal_pytorch_s(blocks, multi_level, gan, batch, iter_size, branches, tmp_path):
    stages = (3, 4) if multi_level else (4,)
    levels = len(stages)
    state = random_state_dict(resnet_spec(blocks, classifiers=stages))
    model = deeplab_v2(3, 5, blocks, multi_level, branches, width=4)
    judges = [fc_discriminator(5, width=2) for _ in stages]
    d_spec = [(entry.name, entry.shape) for entry in entries(judges[0])]
    d_states = [random_state_dict(d_spec, f"D{level}/") for level in range(levels)]
    for network, weights in zip([model, *judges], [state, *d_states], strict=True):
        write_tensors(tmp_path / "weights.pth", weights)
        restore(network, tmp_path / "weights.pth")
    losses = AdaptationLosses((0.1, 1.0)[-levels:], (0.02, 0.05)[-levels:], gan)
    groups = [
        [adaptation_batch(10 * update + part, batch) for part in range(iter_size)]
        for update in range(UPDATES)
    ]

    s, *ds = (
        {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
        for weights in (state, *d_states)
    )
    history = train_in_torch(
        s, ds, [[to_torch(part) for part in group] for group in groups], losses, branches
    )

    classifiers = [(model.classifier_variables(), 10.0)]
    segmenter = learner(model, TorchSGD(poly(RATE, UPDATES), 0.9, 5e-4, factors=classifiers))
    d_learners = [learner(judge, TorchAdam(poly(RATE_D, UPDATES), 0.9, 0.99)) for judge in judges]
    for group, (seg, adv) in zip(groups, history, strict=True):
        scalars = adaptation_step(segmenter, d_learners, group, losses)
        if iter_size == 1:
            assert float(scalars["loss_seg"]) == pytest.approx(seg[-1], rel=1e-3)
            assert float(scalars["loss_adv"]) == pytest.approx(adv[-1], rel=1e-3)

    for network, weights, begun in zip([model, *judges], [s, *ds], [state, *d_states], strict=True):
        save(network, tmp_path / "after.pth")
        after = torch.load(tmp_path / "after.pth", weights_only=True)
        assert list(after) == list(weights)
        for name, value in weights.items():
            moved = float((value.detach() - torch.from_numpy(begun[name])).abs().max())
            error = float((after[name] - value.detach()).abs().max())
            assert error <= 5e-3 * moved + 1e-6, (name, error, moved)
    images = tf.random.normal([1, 40, 57, 3])
    with torch.no_grad():
        as_torch = torch.from_numpy(images.numpy().transpose(0, 3, 1, 2).copy())
        expected = upsampled(segmenter_levels(as_torch, s, branches, training=False), (40, 57))[-1]
    got = model(images, training=False).numpy().transpose(0, 3, 1, 2)
    assert np.abs(got - expected.numpy()).max() < 1e-3 * np.abs(expected.numpy()).max()


def test_vgg_16_equals_pytorch_s(tmp_path):
    model = deeplab_v2_vgg(3, 5, branches=2, width=4)
    state = random_state_dict([(entry.name, entry.shape) for entry in entries(model)])
    write_tensors(tmp_path / "weights.npz", state)
    restore(model, tmp_path / "weights.npz")
    weights = {name: torch.from_numpy(value) for name, value in state.items()}
    images = tf.random.normal([1, 61, 74, 3])
    x = torch.from_numpy(images.numpy().transpose(0, 3, 1, 2).copy())
    dilations = {23: 2, 25: 2, 27: 2, 29: 4, 31: 4}
    for index in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31):
        if index in (5, 10, 17):
            x = functional.max_pool2d(x, 2, 2)
        rate = dilations.get(index, 1)
        kernel, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
        x = functional.conv2d(x, kernel, bias, padding=rate, dilation=rate).relu()
    (expected,) = upsampled([classifier(x, weights, "classifier", 2)], (61, 74))
    got = model(images, training=False).numpy().transpose(0, 3, 1, 2)
    assert np.abs(got - expected.numpy()).max() < 1e-4 * np.abs(expected.numpy()).max()
