"""Which windows of each global batch a worker makes."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Share:
    """One of several equal parts of every batch.

    Workers need not exchange data: each makes the windows of its own part, which are functions of
    their numbers. Together the parts are the batch that one worker alone would make, in its order.

    Attributes:
        part: which part, from 0.
        parts: how many there are.
    """

    part: int = 0
    parts: int = 1

    def numbers(self, batch_size: int, first: int, last: int) -> tf.data.Dataset:
        """Numbers, int64, of this part's windows in batches `first` up to `last`, excluded.

        Args:
            batch_size: of the whole batch, a multiple of `parts`.
            first, last: batches, counted from window 0 in steps of `batch_size`.
        """
        own = self.size(batch_size)
        numbers = tf.data.Dataset.range(first * own, last * own)
        if self.parts == 1:
            return numbers
        return numbers.map(lambda n: n // own * batch_size + self.part * own + n % own)

    def size(self, batch_size: int) -> int:
        """Windows of this part in a batch."""
        return batch_size // self.parts


WHOLE = Share()
"""The whole batch."""
