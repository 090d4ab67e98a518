"""How many threads tf.data pipelines run on."""

import tensorflow as tf


def fixed_parallelism(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same elements, with `AUTOTUNE` meaning a thread a core, at most 16, and no tuner.

    tf.data's tuner is a thread that sleeps, in the end for up to a minute, between its looks.
    An iterator that goes must wait for it, and TensorFlow 2.15 at times wakes it before the
    end has been marked, so that it sleeps on: every epoch could end with half a minute idle.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
