import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.methods.adaptation_testing import CLASSES, adaptation_batch, learners
from tests.testing_utils import changed, values_of
from tfadvseg.config.segmenter import SegmenterConfig
from tfadvseg.data.pipeline import Normalisation
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.run import domain_pictures
from tfadvseg.run.domain_pictures import WINDOWS, draw_patch_maps
from tfadvseg.training.state import TrainState

NORMALISATION = Normalisation((100.0, 110.0, 120.0), (40.0, 50.0, 60.0), "bgr")
SPEC = ModelSpec(
    segmenter=SegmenterConfig("deeplab_v2", width=4),
    class_names=tuple("abcde"),
    palette=tuple((50 * i, 255 - 50 * i, 90) for i in range(CLASSES)),
    image_channels=3,
    mean=NORMALISATION.mean,
    std=NORMALISATION.std,
    foreground_class=None,
    dataset="folder",
    crop_size=(33, 47),
)


def state(last: bool = True, aux: bool = True) -> TrainState:
    segmenter, (aux_judge, judge) = learners(batch_norm="per_domain")
    step = tf.Variable(0, dtype=tf.int64)
    judges = (judge if last else None), (aux_judge if aux else None)
    return TrainState(step, segmenter, judges[0], None, judges[1])


def given_to_figure(monkeypatch, run: TrainState, batch: dict, gan: str = "vanilla") -> dict:
    """What the figure is asked to draw."""
    names = ("images", "labels", "predictions", "patch_logits", "domains", "palette", "classes")
    asked: dict = {}

    def figure(*arguments, path=None, **options):
        asked.update(zip((*names, "path"), arguments, strict=True), **options)

    monkeypatch.setattr(domain_pictures, "patch_maps_figure", figure)
    draw_patch_maps(run, NORMALISATION, batch, batch, SPEC, gan, "a.png")
    return asked


def test_a_picture_of_both_domains_that_changes_nothing(tmp_path):
    run, batch = state(), adaptation_batch(size=2)
    models = [learner.model for learner in run.learners().values()]
    before = [values_of(model) for model in models]
    draw_patch_maps(run, NORMALISATION, batch, batch, SPEC, "ls", tmp_path / "maps.png")
    with Image.open(tmp_path / "maps.png") as picture:
        assert picture.width > 4 * 200
    for old, model in zip(before, models, strict=True):
        assert not changed(old, values_of(model))


@pytest.mark.parametrize(("last", "level"), [(True, 1), (False, 0)])
def test_each_window_stands_beside_its_prediction_and_d_s_answer(last, level, monkeypatch):
    run, batch = state(last=last), adaptation_batch(size=WINDOWS + 1)
    asked = given_to_figure(monkeypatch, run, batch)
    assert asked["domains"] == ["source"] * WINDOWS + ["target"] * WINDOWS
    image = batch["target_image"]
    # Whole grey levels in the order red, green, blue.
    grey = image[1, ..., ::-1] * tf.constant(NORMALISATION.std) + tf.constant(NORMALISATION.mean)
    np.testing.assert_allclose(asked["images"][WINDOWS + 1], np.clip(grey, 0, 255), atol=0.51)
    np.testing.assert_array_equal(asked["labels"][2], batch["source_label"][2])
    assert asked["labels"][WINDOWS:] == [None] * WINDOWS
    logits = run.segmenter.model.level_logits(image, training=False, domain=TARGET)[level]
    maps = tf.nn.softmax(resize_aligned(logits, image.shape[1:3]))
    np.testing.assert_array_equal(asked["predictions"][-1], tf.argmax(maps[2], axis=-1))
    judge = run.discriminator or run.aux_discriminator
    answers = judge.model(maps, training=False)
    np.testing.assert_allclose(asked["patch_logits"][-1], answers[2, ..., 0], atol=1e-5)
    assert asked["least_squares"] is False
    assert given_to_figure(monkeypatch, run, batch, "ls")["least_squares"] is True


def test_without_a_discriminator_there_is_nothing_to_draw(tmp_path):
    batch = adaptation_batch()
    with pytest.raises(ValueError, match="No level has a discriminator"):
        draw_patch_maps(
            state(False, False), NORMALISATION, batch, batch, SPEC, "ls", tmp_path / "a.png"
        )
    assert not list(tmp_path.iterdir())
