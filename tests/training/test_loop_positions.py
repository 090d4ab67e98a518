import pytest

from tfadvseg.training.loop import Position, locate
from tfadvseg.training.types import Phase

PHASES = tuple(
    Phase(name, lambda batch, weights: {}, updates, lambda epoch, first: None)
    for name, updates in (("a", 2), ("b", 3))
)


@pytest.mark.parametrize(
    ("update", "position"),
    [
        (0, Position(0, 0, 0)),
        (1, Position(0, 0, 1)),
        (2, Position(0, 1, 0)),
        (4, Position(0, 1, 2)),
        (5, Position(1, 0, 0)),
        (12, Position(2, 1, 0)),
    ],
)
def test_positions(update, position):
    assert locate(update, PHASES) == position
