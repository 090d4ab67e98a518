"""The compared networks of the benchmark compute the same, and every network runs."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfadvseg.config.resolve import stride_of
from tfadvseg.config.segmenter import SegmenterName
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.flags.flagfile import read_flagfile
from tfadvseg.interop.entries import entries
from tfadvseg.methods.adaptation import AdaptationLosses, adaptation_step
from tfadvseg.methods.supervised import supervised_step
from tfadvseg.models.ops.domain_statistics import set_momentum
from tfadvseg.models.segmenters import build_segmenter
from tfadvseg.training.state import Learner
from tfadvseg.training.torch_optimizers import TorchSGD

CAMVID = descriptor_of("camvid")

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _import_from_the_checkout(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    tf.keras.utils.set_random_seed(0)


@pytest.mark.parametrize(
    "name",
    [
        "fcn",
        pytest.param("fcn8s", marks=pytest.mark.slow),
        pytest.param("unet", marks=pytest.mark.slow),
        pytest.param("strided_unet", marks=pytest.mark.slow),
        pytest.param("deeplabv3plus", marks=pytest.mark.slow),
    ],
)
def test_every_network_repeats_its_step(name):
    from benchmarks.networks import build_network
    from benchmarks.settings import QUICK

    workloads = build_network(name, QUICK)
    fed = ["training step, fed", "input pipeline"] if name in ("fcn", "strided_unet") else []
    assert list(workloads) == ["training step", *fed, "inference"]
    for part, workload in workloads.items():
        assert workload.run(2) > 0
        assert workload.images == QUICK.batch
        assert bool(workload.operations) == (part != "input pipeline")
    assert workloads["training step"].operations > 2 * workloads["inference"].operations


@pytest.mark.parametrize(
    ("candidate", "flagfile"),
    [("network_fcn", "camvid_fcn"), ("network_strided_unet", "camvid_unet")],
)
def test_camvid_networks_have_their_flagfiles_sizes(candidate, flagfile):
    from benchmarks.settings import full_settings

    config, settings = read_flagfile(ROOT / f"configs/{flagfile}.flags"), full_settings(candidate)
    stride = stride_of(config.segmenter)
    padded = tuple(-(-size // stride) * stride for size in config.data.crop_size)
    assert (settings.batch, settings.crop_size) == (config.run.global_batch_size, padded)
    assert config.data.augment == ("flip",), "what camvid_windows does"


def test_camvid_windows_are_whole_frames_and_their_mirror_images():
    from benchmarks.networks import camvid_windows
    from benchmarks.settings import QUICK

    batches = list(camvid_windows(QUICK, CAMVID).take(30))
    assert batches[0]["image"].shape == (QUICK.batch, *QUICK.crop_size, 3)
    labels = np.concatenate([batch["label"] for batch in batches])
    frames = {frozenset((label.tobytes(), label[:, ::-1].tobytes())) for label in labels}
    # Each of 30 frames occurs twice. Windows cut from larger frames would not repeat.
    assert (len(labels), len(frames)) == (60, 30)
    assert len({label.tobytes() for label in labels}) > 30, "some are mirrored once"


def network_and_batch(name: SegmenterName) -> tuple[tf.keras.Model, dict[str, tf.Tensor]]:
    """Our network as the benchmark configures it, and its batch."""
    from benchmarks.networks import network_config
    from benchmarks.settings import QUICK
    from benchmarks.steps import random_batch

    config, descriptor = network_config(name, QUICK)
    model = build_segmenter(config.segmenter, descriptor.num_classes, descriptor.image_channels)
    if name == "unet":
        set_momentum(model, config.segmenter.batch_norm_momentum)  # as for training
    return model, random_batch(QUICK, descriptor)


def updated(model: tf.keras.Model, batch: dict[str, tf.Tensor]) -> list[np.ndarray]:
    """All weights after one update."""
    learner = Learner(model, TorchSGD(1e-3, 0.9), "segmenter")
    tf.function(supervised_step, autograph=False)(learner, batch)
    return model.get_weights()


def assert_moved_alike(before, after, others) -> None:
    """After two updates from the same values, each value differs by little of its change."""
    for old, new, other in zip(before, after, others, strict=True):
        moved = np.abs(new - old).max()
        assert np.abs(new - other).max() <= 0.02 * moved + 1e-7, (new.shape, moved)


@pytest.mark.slow
def test_segnet_with_addons_learns_the_same():
    from benchmarks.networks import segnet_tfa
    from benchmarks.settings import QUICK

    ours, batch = network_and_batch("segnet")
    theirs = segnet_tfa(QUICK.width)
    theirs.set_weights(ours.get_weights())
    initial = ours.get_weights()
    assert_moved_alike(initial, updated(ours, batch), updated(theirs, batch))


@pytest.mark.parametrize("name", ["segnet", "unet"])
def test_networks_in_pytorch_learn_the_same(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from benchmarks import torch_segnet, torch_unet
    from benchmarks.settings import QUICK

    ours, batch = network_and_batch(name)
    module = torch_segnet if name == "segnet" else torch_unet
    theirs = (torch_segnet.SegNet if name == "segnet" else torch_unet.UNet)(QUICK.width)
    initial = ours.get_weights()
    values = iter(initial)
    for key, tensor in theirs.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            value = next(values)
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
            tensor.copy_(torch.from_numpy(value.copy()))
    assert next(values, None) is None
    image = torch.from_numpy(batch["image"].numpy().transpose(0, 3, 1, 2).copy())
    label = torch.from_numpy(batch["label"].numpy().astype(np.int64))
    module.training_step(theirs, image, label)()
    after = [
        value.numpy().transpose(2, 3, 1, 0) if value.ndim == 4 else value.numpy()
        for key, value in theirs.state_dict().items()
        if not key.endswith("num_batches_tracked")
    ]
    assert_moved_alike(initial, updated(ours, batch), after)


def test_adaptation_in_pytorch_learns_the_same():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from benchmarks.adaptation import learners, noise
    from benchmarks.settings import QUICK
    from benchmarks.torch_adaptation import Iteration

    segmenter, judges = learners(QUICK)
    ours = [segmenter.model, *(judge.model for judge in judges)]
    iteration = Iteration(QUICK.full_depth, QUICK.width)
    theirs = [iteration.segmenter, *iteration.discriminators]

    def values() -> list[np.ndarray]:
        all_entries = [entry for network in ours for entry in entries(network)]
        return [entry.value() for entry in all_entries if not entry.is_counter]

    for network, module in zip(ours, theirs, strict=True):
        state = {entry.name: torch.from_numpy(entry.value()) for entry in entries(network)}
        module.load_state_dict(state)
    initial, batch = values(), noise(QUICK)

    def image(name: str):
        return torch.from_numpy(batch[name].numpy().transpose(0, 3, 1, 2).copy())

    label = torch.from_numpy(batch["source_label"].numpy().astype(np.int64))
    loss = iteration.step(image("source_image"), label, image("target_image"))
    scalars = adaptation_step(segmenter, judges, [batch], AdaptationLosses())
    assert float(scalars["segmenter/loss_seg"]) == pytest.approx(float(loss.detach()), rel=1e-4)
    after = [
        module.state_dict()[entry.name].numpy()
        for network, module in zip(ours, theirs, strict=True)
        for entry in entries(network)
        if not entry.is_counter
    ]
    assert_moved_alike(initial, values(), after)


def test_street_frames_are_read_and_resized():
    from benchmarks.settings import QUICK
    from benchmarks.street_input import build_street_input

    workloads = build_street_input(QUICK)
    assert [*workloads] == ["PNG files", "prepared copies"]
    for workload in workloads.values():
        assert workload.run(2) > 0
        assert workload.images == 2 * QUICK.batch


def test_files_are_read_by_us_and_by_the_libraries():
    from benchmarks.reading import build_reading
    from benchmarks.settings import QUICK

    workloads = build_reading(QUICK)
    assert [*workloads] == [
        "TIFF, as a folder reads it",
        "TIFF, tifffile alone",
        "PNG, as a folder reads it",
        "PNG, Pillow alone",
        "PNG as label, as a folder reads it",
    ]
    for workload in workloads.values():
        assert workload.run(2) > 0
        assert workload.images == QUICK.batch


@pytest.mark.slow
def test_every_runtime_answers_the_same(tmp_path):
    pytest.importorskip("onnxruntime", reason="the extra runtimes is not installed")
    pytest.importorskip("openvino", reason="the extra runtimes is not installed")
    from benchmarks.exports import EXPORT, answer_of, build_export, export_spec
    from benchmarks.settings import IN_BFLOAT16, QUICK, RUNTIMES

    spec = export_spec(QUICK)
    model = build_segmenter(spec.segmenter, spec.num_classes, spec.image_channels)
    images = np.random.default_rng(0).integers(0, 256, (2, *QUICK.crop_size, 1), np.uint8)
    expected = answer_of(EXPORT, model, spec, tmp_path / EXPORT)(images)
    for name in RUNTIMES:
        got = answer_of(name, model, spec, tmp_path / name)(images)
        bound = 0.05 if name in IN_BFLOAT16 else 1e-5
        np.testing.assert_allclose(got, expected, atol=bound)
    workloads = build_export(EXPORT, QUICK)
    assert {part: each.images for part, each in workloads.items()} == {"one image": 1, "a batch": 2}
    assert all(each.run(1) > 0 and each.operations for each in workloads.values())
