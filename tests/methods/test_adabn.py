"""The control: target images move statistics, and nothing else."""

import numpy as np
import pytest

from tests.methods.adaptation_testing import adaptation_batch, learners
from tests.testing_utils import changed, values_of
from tfadvseg.methods.source_training import source_step


def trainable(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def test_target_images_move_statistics_and_give_no_gradient():
    def after(target_seed: int):
        segmenter, _ = learners(batch_norm="per_domain")
        batch = adaptation_batch()
        batch["target_image"] = adaptation_batch(target_seed)["target_image"]
        source_step(segmenter, [batch], (0.3, 1.0), adapts_statistics=True)
        return segmenter.model

    one, other = after(1), after(2)
    assert not changed(trainable(one), trainable(other))
    assert changed(values_of(one), values_of(other)), "statistics of the target"


@pytest.mark.slow
def test_with_statistics_of_its_own_the_source_learns_as_if_alone():
    adapted, alone = (learners(batch_norm="per_domain")[0] for _ in range(2))
    batch = adaptation_batch()
    scalars = source_step(adapted, [batch], (0.3, 1.0), adapts_statistics=True)
    expected = source_step(alone, [batch], (0.3, 1.0), adapts_statistics=False)
    assert float(scalars["segmenter/loss_seg"]) == float(expected["segmenter/loss_seg"])
    for one, other in zip(trainable(adapted.model), trainable(alone.model), strict=True):
        np.testing.assert_array_equal(one, other)
