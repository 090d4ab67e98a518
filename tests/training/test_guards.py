import pytest

from tfadvseg.training.guards import discriminator_notices

WELL = {
    "d/accuracy_real": 0.7,
    "d/accuracy_fake": 0.8,
    "d/loss_d": 0.5,
    "d/logit_min": -3.0,
    "d/logit_max": 2.0,
}


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"d/accuracy_real": 1.0, "d/accuracy_fake": 0.995}, "saturated", "--d_learning_rate"),
        ({"d/accuracy_real": 1.0, "d/accuracy_fake": 0.0}, "one_way", "answers 'real'"),
        ({"d/accuracy_real": 0.0, "d/accuracy_fake": 1.0}, "one_way", "answers 'fake'"),
        ({"d/logit_min": -15000.0}, "exploded", "15000"),
    ],
)
def test_trouble_is_named_with_what_to_try(changes, kind, words):
    notices = discriminator_notices(WELL | changes)
    assert list(notices) == [kind]
    assert words in notices[kind]


def test_a_d_in_balance_and_windows_without_d_say_nothing():
    assert discriminator_notices(WELL) == {}
    assert discriminator_notices({"segmenter/loss_seg": 0.1}) == {}
