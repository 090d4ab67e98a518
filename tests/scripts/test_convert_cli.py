"""Published files are converted to models for the other scripts, and back."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.interop.state_dicts import random_state_dict, resnet_spec
from tests.scripts.cli_testing import assert_one_line_error, make_run, run_new_process, run_script
from tfadvseg.config import DataConfig
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.data.sources import load_split
from tfadvseg.export.run_model import load_run, load_run_segmenter
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.interop.entries import entries
from tfadvseg.interop.tensor_files import read_tensors, write_tensors
from tfadvseg.interop.weights import restore, save
from tfadvseg.models.deeplab_v2 import TINY, deeplab_v2
from tfadvseg.models.deeplab_v2_vgg import deeplab_v2_vgg
from tfadvseg.models.outputs import class_probabilities
from tfadvseg.models.segnet import segnet
from tfadvseg_datasets.cityscapes_semseg import cityscapes_semseg_dataset_builder

CITYSCAPES = descriptor_of("cityscapes_semseg")

FRAMES = Path(cityscapes_semseg_dataset_builder.__file__).parent / "dummy_data"
TINY_FLAGS = ("--blocks=1,1,1,1", "--width=4", "--resize=32,64")
BGR_MEAN = (104.00698793, 116.66876762, 122.67891434)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A published file of a tiny network, and the model converted from it."""
    folder = tmp_path_factory.mktemp("convert_cli")
    state = random_state_dict(resnet_spec(classes=19))
    # Without this, one class would win everywhere.
    state = {name: 30 * v if "layer6" in name else v for name, v in state.items()}
    write_tensors(folder / "published.npz", state)
    arguments = ("--weights=published.npz", "--output_dir=model", *TINY_FLAGS)
    result = run_new_process("convert.py", *arguments, cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    return folder, state, result.stdout


def street(height: int, width: int) -> np.ndarray:
    """A smooth picture, uint8 [H,W,3], whose channels differ."""
    rows, columns = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    waves = [np.sin(9 * rows + 3 * k) * np.cos(11 * columns * (k + 1)) for k in range(3)]
    return (128 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def test_the_model_predicts_what_the_published_code_would(place):
    folder, _, output = place
    assert "weights: " in output and "classes: the 19 of cityscapes_semseg" in output
    model = folder / "model"
    assert sorted(path.name for path in model.iterdir()) == ["best", "model.json"]
    spec = ModelSpec.load(model)
    assert (spec.class_names, spec.palette) == (CITYSCAPES.class_names, CITYSCAPES.palette)
    assert (spec.resize, spec.segmenter.atrous_branches) == ((32, 64), 2)
    network = deeplab_v2(3, 19, TINY, branches=2, width=4)
    restore(network, folder / "published.npz")
    image = street(32, 64)
    seen = image[np.newaxis, ..., ::-1].astype(np.float32) - np.float32(BGR_MEAN)
    expected = class_probabilities(network(seen, training=False)).numpy()
    measured = load_run(model).predict_probabilities(image[np.newaxis])
    assert len(np.unique(expected.argmax(-1))) > 2
    np.testing.assert_allclose(measured, expected, atol=1e-3)


@pytest.mark.slow
def test_evaluation_at_full_resolution(place):
    """Frames of 16 x 32 for a network with input 32 x 64."""
    folder, _, _ = place
    data = DataConfig(dataset="cityscapes_semseg", data_dir=str(FRAMES), prepare="none")
    result = run_script(
        "evaluate.py",
        "--model=model",
        f"--dataset={data.dataset}",
        f"--data_dir={data.data_dir}",
        "--prepare=none",
        "--per_image",
        "--output_file=m.json",
        cwd=folder,
    )
    assert (result.returncode, result.stderr) == (0, "")
    predictor, (_, examples) = load_run(folder / "model"), load_split(data, "validation", 0)
    counts = np.zeros((19, 19))
    for image, label in zip(examples.images, examples.labels, strict=True):
        predicted = predictor.predict_probabilities(image[np.newaxis])[0].argmax(-1)
        assert predicted.shape == label.shape == (16, 32)
        for true, guess in zip(label[label < 19], predicted[label < 19], strict=True):
            counts[true, guess] += 1
    with np.errstate(invalid="ignore"):
        iou = np.diag(counts) / (counts.sum(0) + counts.sum(1) - np.diag(counts))
    metrics = json.loads((folder / "m.json").read_text())["metrics"]
    assert metrics["miou"] == pytest.approx(np.nanmean(iou))
    assert metrics["miou_16"] == pytest.approx(np.nanmean(np.delete(iou, [9, 14, 16])))
    assert metrics["miou_13"] == pytest.approx(np.nanmean(np.delete(iou, [3, 4, 5, 9, 14, 16])))
    with (folder / "m_per_image.csv").open() as file:
        assert [row["image"] for row in csv.DictReader(file)] == list(examples.keys)
    with Image.open(folder / "m_confusion.png") as picture:
        assert min(picture.size) > 500


@pytest.mark.slow
def test_predictions_to_hand_in(place, tmp_path):
    folder, _, _ = place
    frame = "frankfurt_000000_000294"
    Image.fromarray(street(1024, 2048)).save(tmp_path / f"{frame}_leftImg8bit.png")
    arguments = (f"--model={folder}/model", f"--images={tmp_path}", "--output_dir=out")
    result = run_script("predict.py", *arguments, "--cityscapes", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "label ids: 1 in out/labelIds" in result.stdout
    with Image.open(tmp_path / f"out/predictions/{frame}_leftImg8bit.png") as file:
        ids = np.array(file)
    with Image.open(tmp_path / f"out/labelIds/{frame}_labelIds.png") as file:
        official = np.array(file)
    numbers = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
    np.testing.assert_array_equal(official, np.array(numbers)[ids])


@pytest.mark.slow
def test_predictions_to_hand_in_are_of_whole_frames(place, tmp_path):
    folder, _, _ = place
    file = tmp_path / "frankfurt_000000_000294_leftImg8bit.png"
    Image.fromarray(street(512, 1024)).save(file)
    arguments = (f"--model={folder}/model", f"--images={tmp_path}", "--output_dir=out")
    result = run_script("predict.py", *arguments, "--cityscapes", cwd=tmp_path)
    assert_one_line_error(result, f"{file.name}: is 512 x 1024", "1024 x 2048")


def test_and_back_to_the_same_file(place, tmp_path):
    folder, state, _ = place
    arguments = (f"--model={folder}/model", "--to=back.npz")
    result = run_script("convert.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    back = read_tensors(tmp_path / "back.npz")
    assert list(back) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(back[name], value)


def test_vgg_with_classes_and_images_of_another_dataset(tmp_path):
    network = deeplab_v2_vgg(3, 3, width=4)
    save(network, tmp_path / "vgg.npz")
    result = run_script(
        "convert.py",
        "--weights=vgg.npz",
        "--weights_source=exact",
        "--segmenter=deeplab_v2_vgg",
        "--width=4",
        "--atrous_branches=4",
        "--dataset=cells",
        "--mean=1,2.5,3",
        "--std=4,5,6",
        "--channel_order=rgb",
        "--resize=",
        "--output_dir=model",
        cwd=tmp_path,
    )
    assert (result.returncode, result.stderr) == (0, "")
    converted, spec = load_run_segmenter(tmp_path / "model")
    for one, other in zip(converted.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (spec.mean, spec.std, spec.channel_order) == ((1, 2.5, 3), (4, 5, 6), "rgb")
    assert (spec.resize, spec.class_names[2]) == ((), "spirochaete")
    assert (spec.segmenter.atrous_branches, spec.darkfield_accuracy) == (4, True)


@pytest.mark.slow
def test_the_darkfield_segnet_there_and_back(tmp_path):
    network = segnet(3, 3, 4, decoder="darkfield")
    state = random_state_dict([(entry.name, entry.shape) for entry in entries(network)])
    write_tensors(tmp_path / "segnet.npz", state)
    arguments = ("--weights=segnet.npz", "--segmenter=segnet", "--width=4", "--output_dir=model")
    result = run_script("convert.py", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "classes: the 3 of darkfield" in result.stdout
    spec = ModelSpec.load(tmp_path / "model")
    assert (spec.resize, spec.channel_order) == ((256, 256), "rgb")
    assert (spec.segmenter.segnet_decoder, spec.darkfield_accuracy) == ("darkfield", True)
    image = street(256, 256)
    restore(network, tmp_path / "segnet.npz")
    seen = (image - np.array(spec.mean)) / np.array(spec.std)
    expected = class_probabilities(network(seen[np.newaxis].astype(np.float32), training=False))
    predicted = load_run(tmp_path / "model").predict_probabilities(image[np.newaxis])
    np.testing.assert_allclose(predicted, expected, atol=1e-4)

    result = run_script("convert.py", "--model=model", "--to=back.npz", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    back = read_tensors(tmp_path / "back.npz")
    assert list(back) == list(state)
    np.testing.assert_array_equal(back["decoder_conv6.weight"], state["decoder_conv6.weight"])


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], ["--weights is required"]),
        (["--weights=a.npz"], ["--output_dir is required"]),
        (["--weights_source=torchvision_resnet"], ["--weights_source", "gta2cityscapes"]),
        (["--blocks=1,x"], ["--blocks=1,x: write it as number,number"]),
        (["--blocks=1,1,1"], ["--blocks=1,1,1", "four numbers"]),
        (["--resize=512"], ["--resize=512", "height,width"]),
        (["--mean=1,2", "--std=1,2"], ["--mean and --std", "3 channels"]),
        (["--std=1,1"], ["--mean", "go together"]),
        (["--segmenter=deeplab_v2_vgg", "--nomulti_level"], ["--multi_level", "deeplab_v2"]),
        (
            ["--dataset=membranes", "--mean=1", "--std=1"],
            ["--channel_order=bgr", "membranes are grey"],
        ),
        (["--which=latest"], ["--which: are for --to=FILE"]),
        (["--to=b.npz", "--width=4"], ["--width: are not for --to"]),
        (["--to=b.npz"], ["--model is required"]),
        (["--weights=a.npz", "--output_dir=out"], ["--weights=a.npz: no such file"]),
        (["--weights=nope.pth", "--output_dir=out"], ["--weights=nope.pth: no such file"]),
        ([f"--weights={__file__}", "--output_dir=out"], [".py: unknown format of weights"]),
        (
            ["--segmenter=segnet", "--blocks=1,1,1,1"],
            ["--blocks=1,1,1,1: is for --segmenter=deeplab_v2"],
        ),
        (["--to=b.foo", "--model=absent"], ["b.foo: unknown format of weights"]),
        (["--to=b.npz", "--model=absent"], ["absent/model.json: no such file"]),
    ],
)
def test_mistaken_flags(arguments, messages, tmp_path):
    if arguments and not arguments[0].startswith(("--to", "--weights=")):
        arguments = ["--weights=a.npz", "--output_dir=out", *arguments]
    assert_one_line_error(run_script("convert.py", *arguments, cwd=tmp_path), *messages)
    assert not list(tmp_path.iterdir())


def test_files_and_models_that_do_not_fit(place, tmp_path):
    folder, _, _ = place
    arguments = [f"--weights={folder}/published.npz", *TINY_FLAGS]
    again = run_script("convert.py", *arguments, f"--output_dir={folder}/model", cwd=tmp_path)
    assert_one_line_error(again, "--output_dir", "exists already")
    arguments += ["--output_dir=out", "--blocks=1,2,1,1"]
    assert_one_line_error(
        run_script("convert.py", *arguments, cwd=tmp_path), "missing (layer2.1.conv1.weight"
    )
    assert not list(tmp_path.iterdir())
    make_run(tmp_path / "unet")
    result = run_script("convert.py", "--model=unet", "--to=unet.npz", cwd=tmp_path)
    assert_one_line_error(
        result,
        "--model=unet: is a unet, which cannot be written; give a run of one of deeplab_v2, ",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["unet"]
