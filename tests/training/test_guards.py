import pytest

from tfadvseg.config import Config
from tfadvseg.methods.catalogue import METHODS
from tfadvseg.training.guards import JUDGED_UPDATES, discriminator_notices
from tfadvseg.training.history import RunLog
from tfadvseg.training.loop import watch_discriminators
from tfadvseg.training.types import Maximum, Minimum, Ratio

TRUE_MAPS = METHODS["adversarial"].opponents(Config())
DOMAINS = METHODS["adaptation"].opponents(Config())

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
    notices = discriminator_notices(WELL | changes, TRUE_MAPS)
    assert list(notices) == [kind]
    assert words in notices[kind]


def test_a_d_in_balance_and_windows_without_d_give_no_warning():
    assert discriminator_notices(WELL, TRUE_MAPS) == {}
    assert discriminator_notices({"segmenter/loss_seg": 0.1}, TRUE_MAPS) == {}


def test_advice_for_domains_names_no_flag_that_means_nothing_there():
    window = {
        "aux_d/accuracy_source": 1.0,
        "aux_d/accuracy_target": 1.0,
        "aux_d/loss_d": 0.01,
        "aux_d/logit_min": -2000.0,
        "aux_d/logit_max": 2.0,
    }
    advice = " ".join(discriminator_notices(window, DOMAINS).values())
    assert "--d_learning_rate" in advice
    for flag in ("--d_truth", "--d_image", "--d_label_smoothing", "--d_spectral_norm"):
        assert flag not in advice


def test_short_phases_and_a_stop_between_add_up_to_a_verdict():
    log, said = RunLog(), []
    one_way = {
        "d/accuracy_real": Ratio(2.0, 2.0),
        "d/accuracy_fake": Ratio(0.0, 2.0),
        "d/loss_d": 0.7,
        "d/logit_min": Minimum(1.0),
        "d/logit_max": Maximum(2.0),
    }
    for update in range(1, 2 * JUDGED_UPDATES + 1):
        # A phase of S in between, in which D is evaluated but not updated.
        asked = {"d/fooling_rate": Ratio(1.0, 1.0)}
        watch_discriminators(asked, 2 * update - 1, log, TRUE_MAPS, said.append)
        watch_discriminators(one_way, 2 * update, log, TRUE_MAPS, said.append)
        assert len(said) == (update >= JUDGED_UPDATES), "as soon as it can be known, and once"
        continued = RunLog()
        continued.deserialize(log.serialize())
        log = continued
    assert f"Update {2 * JUDGED_UPDATES}: D answers 'real'" in said[0]
    assert list(log.notices) == ["one_way"]
