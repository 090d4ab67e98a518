"""Segmentation datasets of TFDS: their features, classes and splits."""

import dataclasses

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.testing_utils import parse
from tfadvseg.config import DataConfig
from tfadvseg.data.readers import open_reader
from tfadvseg.data.sets.catalogue import find_dataset, known_dataset
from tfadvseg.data.sources import load_split, load_splits
from tfadvseg.data.tfds_features import find_features
from tfadvseg.errors import UserError

F = tfds.features
COUNTS = {"train": 10, "test": 2}


def image_of(number: int) -> np.ndarray:
    return np.full((6, 8, 3), 20 * number, np.uint8)


def label_of(number: int) -> np.ndarray:
    label = np.full((6, 8, 1), number % 3, np.uint8)
    label[0] = 255
    return label


class TinyFields(tfds.core.GeneratorBasedBuilder):
    """Images whose levels, and labels whose ids, say their number."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = (
        tfds.core.BuilderConfig(name="named", description="classes have names"),
        tfds.core.BuilderConfig(name="plain", description="labels are images"),
        tfds.core.BuilderConfig(name="validated", description="there is a validation split"),
    )

    def _info(self) -> tfds.core.DatasetInfo:
        label = F.Image(shape=(None, None, 1))
        if self.builder_config.name != "plain":
            label = F.LabeledImage(labels=["soil", "crop", "weed"], shape=(None, None, 1))
        features = {"photo": F.Image(shape=(None, None, 3)), "deep": {"ids": label}}
        return tfds.core.DatasetInfo(builder=self, features=F.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        del dl_manager
        counts = dict(COUNTS)
        if self.builder_config.name == "validated":
            counts["validation"] = 3
        return {name: self._generate_examples(count) for name, count in counts.items()}

    def _generate_examples(self, count):
        for number in range(count):
            yield number, {"photo": image_of(number), "deep": {"ids": label_of(number)}}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("prepared"))


def data(place: str, config: str = "named", **options) -> DataConfig:
    return DataConfig(dataset=f"tfds:tiny_fields/{config}", prepared_dir=place, **options)


def numbers(examples) -> list[int]:
    return [int(image[0, 0, 0]) // 20 for image in examples.images]


def test_a_users_own_builder_is_read(place):
    splits = load_splits(data(place), seed=0)
    descriptor = splits.descriptor
    assert descriptor.class_names == ("soil", "crop", "weed")
    assert (descriptor.image_channels, descriptor.image_dtype) == (3, "uint8")
    assert (len(splits.train), len(splits.val)) == (8, 2)
    assert sorted(numbers(splits.train) + numbers(splits.val)) == [*range(10)]
    for part in (splits.train, splits.val):
        for number, label in zip(numbers(part), part.labels, strict=True):
            np.testing.assert_array_equal(label, label_of(number)[..., 0])
    assert splits.train.keys == tuple(f"train-{number:05d}" for number in range(8))
    assert splits.val.keys == ("train-00008", "train-00009")


def test_splits_are_tfds_slices(place):
    config = data(place, train_split="train[:30%]", val_split="test")
    splits = load_splits(config, seed=0)
    assert (len(splits.train), len(splits.val)) == (3, 2)
    assert len(load_split(config, "train[3:]+test", 0)[1]) == 9
    with pytest.raises(UserError, match=r"--split=valid: no such split .* train .10 examples"):
        load_split(config, "valid", 0)


def test_its_own_validation_split_validates_unless_a_share_is_asked_for(place):
    own = load_splits(data(place, "validated"), seed=0)
    assert (len(own.train), own.val.keys[0]) == (10, "validation-00000")
    drawn = load_splits(data(place, "validated", val_fraction=0.5), seed=0)
    assert (len(drawn.train), len(drawn.val)) == (5, 5)
    with pytest.raises(UserError, match=r"--val_fraction=0\.5: --train_split and --val_split say"):
        open_reader(data(place, val_fraction=0.5, val_split="test"), 0)


def test_classes_without_names_are_found_in_the_labels(place):
    reader = open_reader(data(place, "plain"), seed=0)
    assert reader.descriptor.class_names == ("class_0", "class_1", "class_2")
    named = open_reader(data(place, "plain", class_names=("a", "b", "c")), seed=0)
    assert named.descriptor.class_names == ("a", "b", "c")
    mapped = data(place, "plain", value_map=((0, 0), (1, 1), (2, 1), (255, 255)))
    splits = load_splits(mapped, seed=0)
    assert splits.descriptor.num_classes == 2
    assert {value for label in splits.train.labels for value in np.unique(label)} == {0, 1, 255}
    with pytest.raises(UserError, match=r"plain, deep/ids/train-0000.: holds [12].* --value_map"):
        open_reader(data(place, "plain", value_map=((0, 0), (255, 255))), 0)


def test_channels_are_picked(place):
    splits = load_splits(data(place, channels=(2,)), seed=0)
    assert splits.descriptor.image_channels == 1


def test_unknown_names_are_refused_in_one_line(place):
    wrong = dataclasses.replace(data(place), dataset="tfds:tiny_field")
    with pytest.raises(UserError, match=r"TFDS has no such dataset.* did you mean tiny_fields"):
        open_reader(wrong, 0)
    with pytest.raises(UserError, match="--dataset=tfds:tiny_fields/nothing: "):
        open_reader(data(place, "nothing"), 0)
    with pytest.raises(UserError, match="--dataset=tfds: say which one, as in tfds:NAME"):
        find_dataset("tfds")
    with pytest.raises(UserError, match="--dataset=camvid:x: unknown"):
        find_dataset("camvid:x")
    assert known_dataset("tfds:a/b") is find_dataset("tfds:a")
    assert parse("--dataset=tfds:tiny_fields").data.dataset == "tfds:tiny_fields"
    with pytest.raises(UserError, match="--label_suffix=_x: is for --dataset=folder; tfds does"):
        open_reader(data(place, label_suffix="_x"), 0)


def test_mocks_of_tfds_are_read():
    def examples(builder, *args, **kwargs):
        import tensorflow as tf

        del args, kwargs
        made = {
            "image": np.arange(5, dtype=np.uint8)[:, None, None, None]
            * np.ones((1, 6, 8, 3), "u1"),
            "segmentation_mask": np.resize(np.uint8([1, 2, 3]), (5, 6, 8, 1)),
        }
        return tf.data.Dataset.from_tensor_slices(made)

    with tfds.testing.mock_data(num_examples=5, as_dataset_fn=examples):
        splits = load_splits(
            DataConfig(dataset="tfds:oxford_iiit_pet", value_map=((1, 0), (2, 1), (3, 2))), seed=0
        )
    assert splits.descriptor.class_names == ("class_0", "class_1", "class_2")
    assert (len(splits.train), len(splits.val)) == (4, 1)
    assert splits.train.labels[0][0, :3].tolist() == [0, 1, 2]


def test_random_mocks_are_read():
    with tfds.testing.mock_data(num_examples=2, max_value=7):
        splits = load_splits(
            DataConfig(dataset="tfds:lost_and_found/semantic_segmentation"), seed=0
        )
    assert splits.train.images[0].shape == (1024, 2048, 3)
    assert (len(splits.train), len(splits.val)) == (1, 1)
    assert splits.descriptor.num_classes <= 8


COLOUR, GREY = F.Image(shape=(None, None, 3)), F.Image(shape=(None, None, 1))
NAMED = F.LabeledImage(labels=["a", "b"], shape=(None, None, 1))


@pytest.mark.parametrize(
    ("features", "given", "found"),
    [
        ({"image": COLOUR, "mask": GREY}, ("", ""), ("image", "mask")),
        ({"image": GREY, "mask": NAMED}, ("", ""), ("image", "mask")),
        ({"image": COLOUR, "mask": NAMED, "depth": GREY}, ("", ""), ("image", "mask")),
        ({"x": COLOUR, "y": F.Tensor(shape=(None, None), dtype=np.int32)}, ("", ""), ("x", "y")),
        ({"x": GREY, "y": GREY}, ("x", ""), ("x", "y")),
        ({"x": GREY, "y": GREY}, ("", "x"), ("y", "x")),
        ({"a": F.FeaturesDict({"i": COLOUR, "m": GREY})}, ("", ""), ("a/i", "a/m")),
    ],
)
def test_features_are_guessed_where_there_is_one_candidate(features, given, found):
    assert find_features(F.FeaturesDict(features), *given) == found


@pytest.mark.parametrize(
    ("features", "given", "message"),
    [
        ({"x": GREY, "y": GREY}, ("", ""), "--label_feature: give one of the candidates x, y"),
        (
            {"x": COLOUR, "y": COLOUR, "m": GREY},
            ("", ""),
            "--image_feature: give one of the candidates x, y",
        ),
        ({"x": COLOUR, "y": F.ClassLabel(num_classes=3)}, ("", ""), "no feature looks like labels"),
        ({"x": COLOUR, "m": GREY}, ("", "n"), "--label_feature=n: no such feature; there are x, m"),
        ({"x": COLOUR, "m": GREY}, ("m", "m"), "--image_feature=m and --label_feature=m: give two"),
    ],
)
def test_features_that_cannot_be_guessed_are_asked_for(features, given, message):
    with pytest.raises(UserError, match=message):
        find_features(F.FeaturesDict(features), *given)
