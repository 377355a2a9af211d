"""The losses of RUGAN as pure functions of critic outputs.

WGAN with gradient penalty: Gulrajani et al., arXiv 1704.00028. Consistency term: Wei et al., arXiv 1803.01541.
Scores are float32 (batch,), features float32 (batch, width). All return means over the batch.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from rugan_tf.train.loss_options import ConsistencyForm


def critic_wasserstein_loss(real_score: Any, fake_score: Any) -> Any:
    """Return mean D(fake) - mean D(real), the negative estimate of the Wasserstein distance."""
    return tf.reduce_mean(fake_score) - tf.reduce_mean(real_score)


def generator_loss(fake_score: Any) -> Any:
    """Return -mean D(fake)."""
    return -tf.reduce_mean(fake_score)


def interpolate(real: Any, fake: Any, epsilon: Any) -> Any:
    """Return epsilon real + (1 - epsilon) fake, epsilon (batch,) uniform in [0, 1), for each sample its own."""
    epsilon = tf.reshape(epsilon, (-1, 1, 1, 1))
    return epsilon * real + (1.0 - epsilon) * fake


def gradient_norm(score_function: Callable[[Any], Any], interpolated: Any) -> Any:
    """Return |grad_x D(x)| of each sheet, (batch,).

    Args:
        score_function: encoding (batch, rows, cols, states) to scores (batch,), each of its own sheet alone.
        interpolated: between real and fake, float32 (batch, rows, cols, states).
    """
    with tf.GradientTape() as tape:
        tape.watch(interpolated)
        score = score_function(interpolated)
    # Of the sum over the batch: each sheet's own gradient, as no layer of a critic mixes sheets.
    gradient = tape.gradient(score, interpolated)
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)  # no infinite slope at zero


def gradient_penalty(norm: Any) -> Any:
    """Return mean (|grad_x D(x)| - 1)^2 of norms (batch,), equation 3 of Gulrajani et al. without its weight."""
    return tf.reduce_mean(tf.square(norm - 1.0))


def label_error(predicted: Any, label: Any) -> Any:
    """Return mean (predicted - label)^2 of labels (batch,) or (batch, conditions) that a critic or a judge tells."""
    return tf.reduce_mean(tf.square(predicted - label))


def map_error(obtained: Any, asked: Any, smoothing: Any, is_uniform: Any) -> Any:
    """Return the mean square of what a map obtained lacks of the map asked for, both (batch, rows, cols).

    The difference is filtered once more: near its cutoff a noisy map says little, and should cost little.

    Args:
        obtained: standardised.
        asked: standardised, without the noise.
        smoothing: (rows cols, rows cols), the filter as a matrix.
        is_uniform: bool (batch,), where only the mean over the sheet was asked for.
    """
    number = smoothing.shape[0]
    difference = tf.matmul(tf.reshape(obtained - asked, (-1, number)), smoothing)
    mean = tf.ones_like(difference) * tf.reduce_mean(difference, axis=1, keepdims=True)
    return tf.reduce_mean(tf.square(tf.where(is_uniform[:, None], mean, difference)))


def consistency_term(
    score: Any,
    second_score: Any,
    features: Any,
    second_features: Any,
    *,
    weight: float = 2.0,
    margin: float = 0.0,
    form: ConsistencyForm = "squared",
) -> Any:
    """Return how much two passes of the same real sheets through a critic with dropout differ, with its weight.

    "squared" is equation 4 of Wei et al. as their programs compute it, where the margin is compared with the
    weighted difference: mean max(0, weight ((D1 - D2)^2 + 0.1 mean_j (F1_j - F2_j)^2) - margin). "absolute" is the
    form of the RUGAN authors, mean max(0, weight (|D1 - D2| + 0.1 |F1 - F2|) - margin) with the Euclidean norm.

    Args:
        score: of the first pass, (batch,).
        second_score: of the second pass, (batch,).
        features: inputs of the critic's last layer in the first pass, (batch, width).
        second_features: the same in the second pass.
        weight: lambda2 of the paper.
        margin: weighted difference that costs nothing.
        form: "squared" or "absolute".
    """
    if form == "squared":
        distance = tf.square(score - second_score)
        distance += 0.1 * tf.reduce_mean(tf.square(features - second_features), axis=-1)
    elif form == "absolute":
        squared = tf.reduce_sum(tf.square(features - second_features), axis=-1)
        # 1e-12: two equal passes would have an infinite slope.
        distance = tf.abs(score - second_score) + 0.1 * tf.sqrt(squared + 1e-12)
    else:
        raise ValueError(f"form must be 'squared' or 'absolute'. Received: form={form!r}")
    return tf.reduce_mean(tf.maximum(weight * distance - margin, 0.0))
