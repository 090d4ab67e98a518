"""SegNet against what the published PyTorch code of the darkfield network computes."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.losses.terms import SegmentationTerms
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.models.segnet import segnet
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchAdam

pytestmark = pytest.mark.needs_shared_data


def generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def published_entry(salt: str, key: str, shape: list[int]) -> np.ndarray:
    """An entry of the PyTorch state by the reference's rule."""
    noise = generator(salt + key).standard_normal(shape)
    if key.endswith(".running_mean") or key.endswith(".bias"):
        value = 0.1 * noise
    elif key.endswith(".running_var"):
        value = 1 + 0.1 * np.abs(noise)
    elif len(shape) == 1:
        value = (1 + 0.1 * noise) * (0.2 if key.endswith("bn3.weight") else 1)
    else:
        value = noise * np.sqrt(2 / np.prod(shape[1:]))
    return value.astype(np.float32)


class Reference:
    """The reference's numbers, and our network with its weights."""

    def __init__(self, folder) -> None:
        self.facts = json.loads((folder / "segnet_darkfield.json").read_text())
        self.arrays = np.load(folder / "segnet_darkfield.npz")
        self.state = {
            key: published_entry(self.facts["salt"], key, shape)
            for key, shape in self.facts["segmenter"]
            if not key.endswith("num_batches_tracked")
        }
        self.model = segnet(3, 3, decoder="darkfield")
        convolutions = [
            layer for layer in self.model.layers if isinstance(layer, tf.keras.layers.Conv2D)
        ]
        norms = [
            layer
            for layer in self.model.layers
            if isinstance(layer, tf.keras.layers.BatchNormalization)
        ]
        self.published_name: dict[int, str] = {}
        places = [f"{part}_{{}}{index}" for part in ("encoder", "decoder") for index in range(1, 7)]
        for place, convolution, norm in zip(places, convolutions, norms, strict=True):
            conv, bn = place.format("conv"), place.format("bn")
            convolution.kernel.assign(self.state[f"{conv}.weight"].transpose(2, 3, 1, 0))
            norm.gamma.assign(self.state[f"{bn}.weight"])
            norm.beta.assign(self.state[f"{bn}.bias"])
            # A bias before batch norm shifts the mean that is subtracted again.
            norm.moving_mean.assign(self.state[f"{bn}.running_mean"] - self.state[f"{conv}.bias"])
            norm.moving_variance.assign(self.state[f"{bn}.running_var"])
            self.published_name |= {
                id(convolution.kernel): f"{conv}.weight",
                id(norm.gamma): f"{bn}.weight",
                id(norm.beta): f"{bn}.bias",
            }

    def images(self, name: str) -> tf.Tensor:
        shape = (self.facts["batch"], 3, *self.facts["size"])
        images = generator(self.facts["tag"] + name).uniform(-1.2, 1.35, shape)
        return tf.constant(images.astype(np.float32).transpose(0, 2, 3, 1))

    def label(self, name: str) -> tf.Tensor:
        shape = (self.facts["batch"], *self.facts["size"])
        label = generator(self.facts["tag"] + name).integers(0, 3, shape)
        return tf.constant(label, tf.int32)


@pytest.fixture
def reference(shared_data):
    folder = shared_data.parent / "reference"
    if not folder.is_dir():
        pytest.skip(f"no reference numbers: {folder} is absent")
    return Reference(folder)


def relative_difference(got, expected) -> float:
    return float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())


def test_evaluation_logits(reference):
    logits = reference.model(reference.images("eval/0"), training=False)
    assert relative_difference(logits, reference.arrays["eval_logits"]) < 1e-4


def train(reference: Reference) -> tuple[list[float], list[tf.Tensor]]:
    """The losses of the reference's iterations, and the first one's gradients."""
    optimizer = TorchAdam(reference.facts["lr"])
    learner = Learner(reference.model, optimizer, "segmenter")
    terms = SegmentationTerms(class_weights=tuple(reference.facts["class_weights"]))
    step = tf.function(lambda batch: supervised_step(learner, batch, terms), autograph=False)
    losses, first_gradients = [], []
    for index in range(reference.facts["iterations"]):
        image, label = reference.images(f"source/{index}"), reference.label(f"label/{index}")
        losses.append(float(step({"image": image, "label": label})["loss_seg"]))
        if index == 0:
            # The moving means began at 0, so that they hold nothing but these gradients.
            first_gradients = [mean / (1 - optimizer.beta_1) for mean in optimizer.means]
    return losses, first_gradients


def report(folder: str) -> None:
    """Prints the losses, and the first gradients' norms by published name, as JSON."""
    reference = Reference(Path(folder))
    losses, gradients = train(reference)
    norms = {
        reference.published_name[id(variable)]: float(tf.norm(gradient))
        for variable, gradient in zip(reference.model.trainable_variables, gradients, strict=True)
    }
    print(json.dumps({"losses": losses, "norms": norms}))


def test_losses_and_gradients_in_training(reference, shared_data):
    """In a process of one thread: the order of sums decides single units, and these much else.

    On two threads one unit decided otherwise moved norms by 2e-3 and later losses by 1.5e-3.
    """
    folder = str(shared_data.parent / "reference")
    program = f"from tests.models.test_segnet_parity import report; report({folder!r})"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    ours = json.loads(result.stdout)
    expected = reference.arrays["losses"]
    assert ours["losses"][0] == pytest.approx(expected[0], rel=1e-5)
    assert ours["losses"][1:] == pytest.approx(expected[1:], rel=1e-3)

    order = reference.facts["gradient_norm_order"]
    published = dict(zip(order, reference.arrays["first_gradient_norms"], strict=True))
    idle = set(published) - set(ours["norms"])
    assert all("_conv" in name and name.endswith(".bias") for name in idle)
    assert max(published[name] for name in idle) < 1e-6
    for name, norm in ours["norms"].items():
        assert norm == pytest.approx(published[name], rel=1e-4), name
