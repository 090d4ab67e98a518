import numpy as np
import pytest

from tfadvseg.data.pipeline import mixed_windows, training_windows
from tfadvseg.data.shares import WHOLE, Share


def numbers(share, batch_size, first, last):
    return [int(n) for n in share.numbers(batch_size, first, last)]


def test_parts_of_batches_by_hand():
    """Batches 1 and 2 of six windows: 6 to 11, and 12 to 17."""
    assert numbers(WHOLE, 6, 1, 3) == [*range(6, 18)]
    assert numbers(Share(0, 3), 6, 1, 3) == [6, 7, 12, 13]
    assert numbers(Share(1, 3), 6, 1, 3) == [8, 9, 14, 15]
    assert numbers(Share(2, 3), 6, 1, 3) == [10, 11, 16, 17]


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_parts_together_are_the_batches_of_one(parts):
    def window(number):
        return {"number": number}

    def batches(share):
        mixed = mixed_windows(window, 4, 0, 8, 8, 1, share)
        plain = training_windows(window, 4, 2, 5, share)
        return [batch["number"].numpy() for dataset in (plain, mixed) for batch in dataset]

    whole = batches(WHOLE)
    shared = [batches(Share(part, parts)) for part in range(parts)]
    for number, batch in enumerate(whole):
        together = np.concatenate([each[number] for each in shared])
        np.testing.assert_array_equal(together, batch)
