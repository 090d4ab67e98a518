"""The windows of each global batch that one worker makes."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Share:
    """One of several equal parts of every batch.

    Workers need not exchange data: each makes the windows of its own part, because a window is a
    function of its number. The parts together are the batch that a single worker would make, in the
    same order.

    Attributes:
        part: number of this part, from 0.
        parts: number of parts.
    """

    part: int = 0
    parts: int = 1

    def numbers(self, batch_size: int, first: int, last: int) -> tf.data.Dataset:
        """Numbers, int64, of this part's windows in batches `first` to `last` - 1.

        Args:
            batch_size: size of the whole batch, a multiple of `parts`.
            first, last: numbers of batches; batch 0 begins with window 0.
        """
        own = self.size(batch_size)
        numbers = tf.data.Dataset.range(first * own, last * own)
        if self.parts == 1:
            return numbers
        return numbers.map(lambda n: n // own * batch_size + self.part * own + n % own)

    def size(self, batch_size: int) -> int:
        """Number of this part's windows in a batch."""
        return batch_size // self.parts


WHOLE = Share()
"""The whole batch."""
