"""Entropy and weighted self-information of S's predictions (Vu et al. 2019, arXiv 1811.12833)."""

import math

import tensorflow as tf

_LEAST = 1e-30  # as published: keeps the logarithm of 0 finite


def self_information(probabilities: tf.Tensor) -> tf.Tensor:
    """Weighted self-information maps, D's input in AdvEnt (section 3.2).

    Args:
        probabilities: [B,H,W,K] float32 that sum to 1.

    Returns:
        -p log2(p) / log2(K) per class, [B,H,W,K] float32: 0 where S is certain. The sum over
        classes is in [0, 1].
    """
    bits = -probabilities * tf.math.log(probabilities + _LEAST) / math.log(2)
    return bits / math.log2(probabilities.shape[-1])


def normalised_entropy(probabilities: tf.Tensor) -> tf.Tensor:
    """The entropy of each pixel's prediction divided by log2(K) (eq. 2): [B,H,W] in [0, 1]."""
    return tf.reduce_sum(self_information(probabilities), axis=-1)
