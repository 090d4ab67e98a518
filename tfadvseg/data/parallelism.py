"""Number of threads of tf.data pipelines."""

import tensorflow as tf


def fixed_parallelism(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same elements, with `AUTOTUNE` meaning one thread per core, at most 16, and no tuner.

    The tuner of tf.data is a thread that sleeps between its checks, finally for up to a minute. An
    iterator that is destroyed must wait for it, and TensorFlow 2.15 sometimes wakes it before the
    end has been marked, so that it sleeps again: every epoch could end with half a minute idle.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
