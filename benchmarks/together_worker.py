"""One of the processes that train a network together; `benchmarks.together` gives the orders.

    python -m benchmarks.together_worker < orders

The first order holds the settings, the network and the precision. Every other one names a part and
a number of repetitions, and is answered with their seconds. All processes of a cluster get the same
orders, so that their collective operations meet.
"""

import json
import os

import tensorflow as tf

from benchmarks.networks import network_config
from benchmarks.settings import ALL_REDUCE_PART, TRAINING_PART, Settings
from benchmarks.steps import Step, training
from benchmarks.turns import Streams
from benchmarks.workload import Workload, Workloads, timed
from tfadvseg.config import Precision
from tfadvseg.config.segmenter import SegmenterName
from tfadvseg.methods.building import build_state
from tfadvseg.training.distribution import choose_precision, choose_strategy
from tfadvseg.training.state import Builder


def build(
    network: SegmenterName, settings: Settings, precision: Precision
) -> tuple[Workloads, int]:
    """The training step, and of several processes its all-reduce alone; and the bytes of that."""
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(0)
    tf.keras.mixed_precision.set_global_policy(choose_precision(precision))
    several = "TF_CONFIG" in os.environ
    strategy = choose_strategy("multi_worker" if several else "default")
    config, descriptor = network_config(network, settings)
    with strategy.scope():
        state = build_state(Builder(config, descriptor))
        workloads = {TRAINING_PART: training(Step(config, state, settings, descriptor))}
    variables = state.segmenter.model.trainable_variables
    if several:
        workloads[ALL_REDUCE_PART] = all_reduce(strategy, variables)
    return workloads, sum(variable.shape.num_elements() * 4 for variable in variables)


def all_reduce(strategy: tf.distribute.Strategy, variables: list[tf.Variable]) -> Workload:
    """The sum over processes of tensors like the gradients of `variables`, in float32."""

    def reduce() -> list[tf.Tensor]:
        like_gradients = [tf.identity(variable) for variable in variables]
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, like_gradients)

    @tf.function(autograph=False)
    def reduced() -> tf.Tensor:
        return strategy.run(reduce)

    @timed
    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            sums = reduced()
        strategy.experimental_local_results(sums[-1])[0].numpy()

    return Workload(run)


def serve(streams: Streams) -> None:
    order = streams.next_order()
    workloads, size = build(order["network"], order["settings"], order["precision"])
    streams.answer({"bytes": size, "parts": list(workloads)})
    for line in streams.orders:
        asked = json.loads(line)
        streams.answer({"seconds": workloads[asked["part"]].run(asked["repetitions"])})


if __name__ == "__main__":
    serve(Streams())
