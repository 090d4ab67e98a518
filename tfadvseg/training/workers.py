"""The processes that train one run together, and their exchange of data.

Built on `tf.distribute.MultiWorkerMirroredStrategy`: each worker has its own replicas, makes its
part of every batch, and takes part in every sum over replicas. All workers must execute the same
collective operations in the same order, so they run the same program.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from tfadvseg.data.shares import Share
from tfadvseg.errors import UserError


@dataclass(frozen=True)
class Workers:
    """The workers of a run, as seen by one of them.

    Attributes:
        index: number of this process; only worker 0, the chief, writes to the run's folder.
        addresses: host:port of each worker; empty if one process trains alone.
        strategy: strategy that connects the workers.
    """

    index: int = 0
    addresses: tuple[str, ...] = ()
    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)

    @property
    def count(self) -> int:
        return max(len(self.addresses), 1)

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def share(self) -> Share:
        """This worker's part of each batch."""
        return Share(self.index, self.count)

    @property
    def local_replicas(self) -> int:
        return self.strategy.num_replicas_in_sync // self.count

    def name(self, index: int) -> str:
        """Name of a worker in messages."""
        return f"worker {index} ({self.addresses[index]})"

    def exchange(self, text: str) -> list[str]:
        """Texts of all workers, by index; all must call this at the same point.

        Args:
            text: text of this worker.
        """
        if self.count == 1:
            return [text]
        own = np.frombuffer(text.encode("utf-32-le"), np.int32)
        lengths = self._gathered(np.array([len(own)], np.int32))[:, 0]
        padded = np.zeros(max(int(lengths.max()), 1), np.int32)
        padded[: len(own)] = own
        rows = self._gathered(padded)
        return [
            row[:length].tobytes().decode("utf-32-le")
            for row, length in zip(rows, lengths, strict=True)
        ]

    def sums(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sums of arrays over all workers, by name; all must call this at the same point.

        Args:
            arrays: arrays of this worker by name; a missing name counts as zeros.
        """
        if self.count == 1:
            return arrays
        totals: dict[str, np.ndarray] = {}
        for text in self.exchange(json.dumps({k: _as_json(v) for k, v in arrays.items()})):
            for name, each in json.loads(text).items():
                array = np.array(each["values"], each["dtype"]).reshape(each["shape"])
                totals[name] = totals[name] + array if name in totals else array
        return totals

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true on any worker; all must call this at the same point."""
        if self.count == 1:
            return flag
        return bool(self._gathered(np.array([flag], np.int32)).any())

    def check_same(self, facts: dict[str, str], what: str) -> None:
        """Refuses workers that differ from the chief; all must call this at the same point.

        Args:
            facts: values to compare, by name.
            what: what the facts are, for the message, such as "flags".

        Raises:
            UserError: a worker differs; raised on every worker, naming that worker and the facts.
        """
        if self.count == 1:
            return
        found = [json.loads(text) for text in self.exchange(json.dumps(facts))]
        for index, other in enumerate(found[1:], start=1):
            differing = [
                f"{name} {other.get(name, 'none')} (worker 0: {found[0].get(name, 'none')})"
                for name in dict.fromkeys([*found[0], *other])
                if found[0].get(name) != other.get(name)
            ]
            if differing:
                raise UserError(
                    f"{self.name(index)} has other {what} than worker 0: "
                    f"{', '.join(differing)}. Start all workers in the same way."
                )

    def own_batches(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """This worker's batches, if all batches are dealt out to the workers in turn."""
        return batches if self.count == 1 else batches.shard(self.count, self.index)

    def parts(self, batches: tf.data.Dataset) -> Iterable[Any]:
        """This worker's batches, each divided among its replicas.

        Args:
            batches: batches of this worker's share, or of a single process; tensors are [B,...].
        """
        if self.count == 1:
            return self.strategy.experimental_distribute_dataset(batches)
        return batches if self.local_replicas == 1 else map(self._divided, batches)

    def _divided(self, batch: dict[str, tf.Tensor]) -> dict[str, Any]:
        first = self.index * self.local_replicas

        def part(context: tf.distribute.experimental.ValueContext) -> dict[str, tf.Tensor]:
            number = context.replica_id_in_sync_group - first
            return {
                name: tf.split(value, self.local_replicas)[number] for name, value in batch.items()
            }

        return self.strategy.experimental_distribute_values_from_function(part)

    def _gathered(self, values: np.ndarray) -> np.ndarray:
        """Gathers an array int32 [n] of each worker: [workers, n]."""
        row = tf.constant(values[np.newaxis])
        gathered = self.strategy.experimental_local_results(self._gather(row))
        return gathered[0].numpy()[:: self.local_replicas]

    @cached_property
    def _gather(self) -> Callable[[tf.Tensor], Any]:
        def gather(part: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            return context.all_gather(tf.identity(part), axis=0)

        @tf.function(autograph=False, input_signature=[tf.TensorSpec([1, None], tf.int32)])
        def run(part: tf.Tensor) -> tf.Tensor:
            return self.strategy.run(gather, args=(part,))

        return run


def workers_of(strategy: tf.distribute.Strategy) -> Workers:
    """The workers that a strategy connects."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return Workers(strategy=strategy)
    resolver = strategy.cluster_resolver
    addresses = resolver.cluster_spec().as_dict()["worker"]
    return Workers(resolver.task_id, tuple(addresses), strategy)


def _as_json(array: np.ndarray) -> dict:
    array = np.asarray(array)
    return {"values": array.ravel().tolist(), "dtype": array.dtype.name, "shape": array.shape}
