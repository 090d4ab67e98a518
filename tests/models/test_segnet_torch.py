"""The darkfield SegNet against PyTorch's operations, both in double precision."""

import numpy as np
import pytest
import tensorflow as tf

from tests.interop.state_dicts import random_state_dict
from tfadvseg.interop.entries import entries
from tfadvseg.interop.tensor_files import Tensors, write_tensors
from tfadvseg.interop.weights import restore
from tfadvseg.models.segnet import segnet

CLASS_WEIGHTS = (0.2, 0.8, 1.0)


def published_gradients(
    state: Tensors, images: np.ndarray, label: np.ndarray, class_weights: tuple[float, ...]
) -> tuple[float, dict[str, np.ndarray]]:
    """The loss of the published network in training, and its gradients, in float64 by PyTorch.

    Args:
        state: of three stages of two convolutions.
        images: [B,H,W,3].
        label: [B,H,W] int.
        class_weights: of the cross-entropy.

    Returns:
        The loss, and by entry [out,in,height,width] or [channels].
    """
    import torch
    from torch.nn import functional

    weights = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad="running" not in name)
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }

    def block(x: torch.Tensor, part: str, index: int) -> torch.Tensor:
        kernel, bias = (weights[f"{part}_conv{index}.{kind}"] for kind in ("weight", "bias"))
        norm = {kind: weights[f"{part}_bn{index}.{kind}"] for kind in ("weight", "bias")}
        x = functional.conv2d(x, kernel, bias, padding=1)
        return functional.relu(functional.batch_norm(x, None, None, **norm, training=True))

    x, places = torch.tensor(images.transpose(0, 3, 1, 2), dtype=torch.float64), []
    for stage in range(3):
        x = block(block(x, "encoder", 2 * stage + 1), "encoder", 2 * stage + 2)
        x, place = functional.max_pool2d(x, 2, 2, return_indices=True)
        places.append(place)
    for stage in range(3):
        x = functional.max_unpool2d(x, places.pop(), 2, 2)
        x = block(block(x, "decoder", 2 * stage + 1), "decoder", 2 * stage + 2)
    loss = functional.cross_entropy(
        x, torch.tensor(label).long(), torch.tensor(class_weights, dtype=torch.float64)
    )
    loss.backward()
    trained = {name: value for name, value in weights.items() if value.requires_grad}
    return loss.item(), {name: value.grad.numpy() for name, value in trained.items()}


def our_gradients(
    model: tf.keras.Model, images: np.ndarray, label: np.ndarray, class_weights: tuple[float, ...]
) -> tuple[float, dict[str, np.ndarray]]:
    """What `published_gradients` gives, by ours, which was built under the policy float64."""
    # The model's own output is float32; images of a multiple of 8 are neither padded nor cropped.
    logits_of = tf.keras.Model(model.input, model.get_layer("up0_2_relu").output)
    one_hot = tf.one_hot(label, 3, dtype=tf.float64)
    weights = tf.linalg.matvec(one_hot, tf.constant(class_weights, tf.float64))
    with tf.GradientTape() as tape:
        logits = logits_of(tf.constant(images, tf.float64), training=True)
        entropy = tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)
        loss = tf.reduce_sum(weights * entropy) / tf.reduce_sum(weights)
    names = {id(v): entry.name for entry in entries(model) for v in entry.variables}
    gradients = tape.gradient(loss, model.trainable_variables)
    assert {gradient.dtype for gradient in gradients} == {tf.float64}
    return float(loss), {
        names[id(variable)]: gradient.numpy()
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
    }


def test_loss_and_gradients_are_pytorch_s(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    tf.keras.mixed_precision.set_global_policy("float64")
    model = segnet(3, 3, 8, decoder="darkfield")
    state = random_state_dict([(entry.name, entry.shape) for entry in entries(model)])
    write_tensors(tmp_path / "w.npz", state)
    restore(model, tmp_path / "w.npz")
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 32, 24, 3)).astype(np.float32)  # the type of the model's input
    label = rng.integers(0, 3, (2, 32, 24))
    loss, gradients = our_gradients(model, images, label, CLASS_WEIGHTS)
    expected_loss, expected = published_gradients(state, images, label, CLASS_WEIGHTS)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    for name, gradient in gradients.items():
        theirs = expected.pop(name)
        theirs = theirs.transpose(2, 3, 1, 0) if theirs.ndim == 4 else theirs
        np.testing.assert_allclose(gradient, theirs, rtol=1e-9, atol=1e-12, err_msg=name)
    # What is left are biases that a batch norm takes away again.
    assert all("_conv" in name and name.endswith(".bias") for name in expected)
    assert max(np.abs(gradient).max() for gradient in expected.values()) < 1e-12
