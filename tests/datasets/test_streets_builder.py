"""The synthetic street scenes and their TFDS builder."""

import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfadvseg_datasets.cityscapes_ids import TRAIN_NAMES
from tfadvseg_datasets.streets import streets_dataset_builder
from tfadvseg_datasets.streets.generate import generate_scene, generate_split
from tfadvseg_datasets.streets.streets_dataset_builder import StreetsConfig

SMALL = {"seed": 3, "height": 24, "width": 40, "train": 3, "validation": 2, "test": 0}
GAME = StreetsConfig(domain="game", **SMALL)
CAMERA = StreetsConfig(domain="camera", **SMALL)
RARE = ("traffic_light", "rider", "truck", "bus", "train", "motorcycle", "bicycle")


class StreetsTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own suite, on a small configuration of each domain."""

    DATASET_CLASS = streets_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [GAME, CAMERA]  # noqa: RUF012 (TFDS reads it from the class)
    SPLITS = {"train": 3, "validation": 2}  # noqa: RUF012
    EXAMPLE_DIR = "."  # no files are read


@pytest.fixture(scope="module", params=["game", "camera"])
def scenes(request):
    return [generate_scene(0, index, (96, 192), request.param) for index in range(80)]


def test_prepared_scenes_equal_generated_ones(tmp_path):
    builder = tfds.builder("streets", config=CAMERA, data_dir=tmp_path)
    builder.download_and_prepare()
    assert set(builder.info.splits) == {"train", "validation"}
    for split in ("train", "validation"):
        examples = list(builder.as_dataset(split=split).as_numpy_iterator())
        expected = generate_split(3, split, range(len(examples)), (24, 40), "camera")
        for number, (example, (image, label)) in enumerate(zip(examples, expected, strict=True)):
            assert example["id"].decode() == f"{split}-{number:04d}"
            np.testing.assert_array_equal(example["image"], image)
            np.testing.assert_array_equal(example["label"][..., 0], label)


def test_configurations_that_differ_have_different_names():
    fields = ("seed", "height", "width", "train", "validation", "test")
    variants = [StreetsConfig(**{f: 7}) for f in fields]
    variants += [StreetsConfig(), StreetsConfig(domain="camera")]
    assert len({config.name for config in variants}) == len(variants)
    assert StreetsConfig().name == "game"


@pytest.mark.parametrize("domain", ["game", "camera"])
def test_a_scene_is_a_function_of_seed_index_and_domain(domain):
    image, label = generate_scene(5, 2, (48, 64), domain)
    again, label_again = generate_scene(5, 2, (48, 64), domain)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(label, label_again)
    other = "camera" if domain == "game" else "game"
    for seed, index, kind in ((6, 2, domain), (5, 3, domain), (5, 2, other)):
        image_b, label_b = generate_scene(seed, index, (48, 64), kind)
        assert np.mean(np.any(image_b != image, axis=-1)) > 0.7
        assert np.mean(label_b != label) > 0.05


def test_splits_differ():
    first = [next(generate_split(0, s, [0], (32, 48)))[0] for s in ("train", "validation", "test")]
    assert np.any(first[0] != first[1]) and np.any(first[1] != first[2])


@pytest.mark.parametrize("size", [(8, 8), (17, 200), (130, 31)])
@pytest.mark.parametrize("domain", ["game", "camera"])
def test_any_size(size, domain):
    image, label = generate_scene(0, 0, size, domain)
    assert image.shape == (*size, 3) and label.shape == size
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= {*range(19), 255}


@pytest.mark.parametrize(
    "arguments", [(0, 0, (7, 50)), (-1, 0), (0, -1), (0, 0, (32, 32), "street")]
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        generate_scene(*arguments)


def test_every_class_occurs_and_rare_ones_are_rare(scenes):
    counts = np.zeros(256)
    present = np.zeros(256, int)
    for _, label in scenes:
        here = np.bincount(label.ravel(), minlength=256)
        counts += here
        present += here > 0
    share = dict(zip(TRAIN_NAMES, counts / counts.sum(), strict=False))
    seen = dict(zip(TRAIN_NAMES, present, strict=False))
    assert min(seen.values()) >= 3, seen
    for name in RARE:
        assert 0.0002 < share[name] < 0.02, (name, share[name])
    for name in ("truck", "bus", "train"):
        assert seen[name] < 25, name  # of 80 scenes
    for name, low, high in (
        ("road", 0.2, 0.45),
        ("building", 0.12, 0.32),
        ("vegetation", 0.07, 0.22),
        ("sky", 0.04, 0.16),
        ("car", 0.04, 0.15),
    ):
        assert low < share[name] < high, (name, share[name])


def test_a_street_has_its_sky_above_and_its_road_below(scenes):
    for _, label in scenes:
        assert np.mean(label[:24] == 0) < 0.05
        assert np.mean(label[72:80] == 0) > 0.2
        assert not np.any(label[60:] == 10)


def test_domains_differ_in_colour_and_sharpness():
    """The game's colours are more saturated, and its surfaces are flat."""
    measured = {}
    for domain in ("game", "camera"):
        images, labels = zip(
            *(generate_scene(0, i, (96, 192), domain) for i in range(24)), strict=True
        )
        image, label = np.stack(images).astype(float), np.stack(labels)
        saturation = (image.max(axis=-1) - image.min(axis=-1)).mean()
        # Texture of the road: share of neighbours with equal label and different colour.
        road = (label[:, :, 1:] == 0) & (label[:, :, :-1] == 0)
        steps = np.abs(np.diff(image.mean(axis=-1), axis=2))[road]
        measured[domain] = (saturation, np.median(steps), image[label == 8].mean(axis=0))
    game, camera = measured["game"], measured["camera"]
    assert game[0] > 1.3 * camera[0]
    assert game[1] < 0.5 < camera[1]
    # Leaves: vivid green in the game, a duller green in the camera.
    assert game[2][1] - game[2][0] > 1.3 * (camera[2][1] - camera[2][0]) > 0


@pytest.mark.parametrize("domain", ["game", "camera"])
def test_scenes_are_made_fast(domain):
    start = time.thread_time()
    for index in range(10):
        generate_scene(1, index, (128, 256), domain)
    assert (time.thread_time() - start) / 10 < 0.25  # seconds
