"""Pictures of windows with and without labels: what they show, and that drawing changes nothing."""

import numpy as np
import pytest

from tests.methods.test_conformance import config_for, state_of
from tests.testing_utils import changed, noise_feed, values_of
from tfadvseg.data.descriptors import IGNORE_LABEL
from tfadvseg.data.normalisation import Normalisation
from tfadvseg.methods.building import prepare_training
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.methods.few_label_pictures import WINDOWS
from tfadvseg.methods.method import ChosenLabels, PatchMaps, Picture

NORMALISATION = Normalisation((128.0,), (64.0,))


def pictures_of(name: str, **changes) -> dict[str, Picture]:
    config = config_for(name, discriminator={"discriminator": "auto"}, **changes)
    state = state_of(config)
    training = prepare_training(config, state, noise_feed(config, state))
    before = {name: values_of(learner.model) for name, learner in state.learners.items()}
    drawn = METHODS[name].pictures(training, NORMALISATION.inverse)
    for learner in state.learners:
        assert not changed(before[learner], values_of(state.learners[learner].model)), learner
    return {picture.name: picture for picture in drawn}


@pytest.mark.parametrize(
    ("name", "answers"), [("advsemiseg", ("fake", "real")), ("dan", ("unlabelled", "labelled"))]
)
def test_both_kinds_of_windows_stand_beside_d_s_answers(name, answers):
    patches = pictures_of(name)["patches"]
    assert isinstance(patches, PatchMaps)
    assert patches.answers == answers
    assert list(patches.sides) == ["labelled"] * WINDOWS + ["unlabelled"] * WINDOWS
    assert [label is None for label in patches.labels] == [False] * WINDOWS + [True] * WINDOWS
    assert {each.shape for each in patches.patches} == {(1, 1)}, "one logit per 32x32 window"


@pytest.mark.parametrize(("threshold", "learned"), [(0.0, 1.0), (1.0, 0.0)])
def test_pseudo_labels_are_predictions_from_the_threshold_on(threshold, learned):
    picture = pictures_of("advsemiseg", method={"semi_threshold": threshold})["pseudo_labels"]
    assert isinstance(picture, ChosenLabels)
    kept = picture.pseudo_labels != IGNORE_LABEL
    assert kept.mean() == learned
    np.testing.assert_array_equal(picture.pseudo_labels[kept], picture.predictions[kept])
