"""Pictures of two domains: what they show, and that drawing them changes nothing."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.testing_utils import changed, noise_feed, values_of
from tfadvseg.config import Config, DataConfig, DiscriminatorConfig, MethodConfig, SegmenterConfig
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.data.sets.catalogue import descriptor_of
from tfadvseg.files.model_spec import ModelSpec
from tfadvseg.methods.building import build_state, prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.methods.method import PatchMaps, Samples, Training
from tfadvseg.methods.two_domain_pictures import PATCH_WINDOWS
from tfadvseg.models.ops.frozen_batch_norm import TARGET
from tfadvseg.models.ops.resampling import resize_aligned
from tfadvseg.run.pictures import draw_picture
from tfadvseg.training.state import Builder

STREETS_GAME = descriptor_of("streets_game")
NORMALISATION = Normalisation((128.0,) * 3, (64.0,) * 3)
CONFIG = Config(
    data=DataConfig(dataset="streets_game", crop_size=(33, 47), augment=()),
    target=DataConfig(dataset="streets_camera", crop_size=(33, 47)),
    segmenter=SegmenterConfig("deeplab_v2", width=4, blocks=(1, 1, 1, 1), batch_norm="per_domain"),
    discriminator=DiscriminatorConfig(d_width=2),
    method=MethodConfig(method="adaptation"),
)


def training(**changes) -> Training:
    config = dataclasses.replace(CONFIG, method=dataclasses.replace(CONFIG.method, **changes))
    state = build_state(Builder(config, STREETS_GAME))
    return prepare_training(config, state, noise_feed(config, state))


def pictures(run: Training) -> tuple[Samples, PatchMaps]:
    source, patches = METHODS["adaptation"].pictures(run, NORMALISATION.inverse)
    assert isinstance(source, Samples) and isinstance(patches, PatchMaps)
    return source, patches


def test_pictures_are_drawn_and_change_nothing(tmp_path):
    run = training(gan="ls")
    before = {name: values_of(learner.model) for name, learner in run.learners.items()}
    spec = ModelSpec(
        segmenter=CONFIG.segmenter,
        class_names=STREETS_GAME.class_names,
        palette=STREETS_GAME.palette,
        image_channels=3,
        mean=NORMALISATION.mean,
        std=NORMALISATION.std,
        foreground_class=None,
        dataset="streets_game",
        crop_size=(33, 47),
    )
    for picture in pictures(run):
        path = tmp_path / f"{picture.name}.png"
        draw_picture(picture, spec, {}, path)
        with Image.open(path) as drawn:
            assert drawn.width > 400
    for name, learner in run.learners.items():
        assert not changed(before[name], values_of(learner.model)), name


@pytest.mark.parametrize(("lambda_adv", "level"), [(0.001, 1), (0.0, 0)])
def test_each_window_stands_beside_its_prediction_and_d_s_answer(lambda_adv, level):
    run = training(lambda_adv=((0, lambda_adv),))
    source, patches = pictures(run)
    assert list(patches.sides) == ["source"] * PATCH_WINDOWS + ["target"] * PATCH_WINDOWS
    assert list(patches.labels[PATCH_WINDOWS:]) == [None] * PATCH_WINDOWS
    batch = run.feed.first_domains(PATCH_WINDOWS)
    np.testing.assert_array_equal(patches.labels[2], batch["source_label"][2])
    image = batch["target_image"]
    np.testing.assert_array_equal(patches.images[-1], NORMALISATION.inverse(image[2]))
    logits = run.segmenter.model.level_logits(image, training=False, domain=TARGET)[level]
    maps = tf.nn.softmax(resize_aligned(logits, image.shape[1:3]))
    np.testing.assert_array_equal(patches.predictions[-1], tf.argmax(maps[2], axis=-1))
    judge = run.learners[("aux_discriminator", "discriminator")[level]]
    answers = judge.model(maps, training=False)
    np.testing.assert_allclose(patches.patches[-1], answers[2, ..., 0], atol=1e-5)
    assert not patches.least_squares
    assert set(source.predictions) == {"segmenter"}


def test_the_picture_explains_the_logits_of_least_squares():
    assert pictures(training(gan="ls"))[1].least_squares
