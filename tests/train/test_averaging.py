from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import TinyGenerator

from rugan_tf.train import replicas
from rugan_tf.train.averaging import MovingAverage


def build_dense(value):
    layer = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(value))
    layer.build((None, 1))
    return layer


def values(average):
    return [float(tf.reduce_sum(weight)) for weight in average.averages]


def test_average_begins_at_the_weights():
    generator = TinyGenerator()
    generator.build()
    generator.dense.bias.assign([1.0, 2.0, 3.0, 4.0])
    average = MovingAverage(generator, 0.99)
    for kept, weight in zip(average.averages, generator.weights, strict=True):
        np.testing.assert_array_equal(kept, weight)


def test_warm_up_worked_by_hand():
    layer = build_dense(0.0)
    average = MovingAverage(layer, 0.24)
    layer.kernel.assign([[11.0]])
    average.update(layer, 1)  # decay (1 + 1) / (10 + 1): 9/11 of the way from 0 to 11
    assert values(average) == pytest.approx([9.0, 0.0])
    layer.kernel.assign([[19.0]])
    average.update(layer, 2)  # decay (1 + 2) / (10 + 2) = 0.25 exceeds 0.24: 0.76 of the way from 9 to 19
    assert values(average) == pytest.approx([16.6, 0.0])
    average.update(layer, 10**6)
    assert values(average) == pytest.approx([0.24 * 16.6 + 0.76 * 19.0, 0.0])


def test_average_of_constant_weights_stays():
    layer = build_dense(2.5)
    average = MovingAverage(layer, 0.998)
    for update in range(1, 4):
        average.update(layer, update)
    assert values(average) == pytest.approx([2.5, 0.0])


def test_copy_sets_another_network_of_the_kind():
    layer, other = build_dense(2.0), build_dense(7.0)
    average = MovingAverage(layer, 0.5)
    average.copy_to(other)
    assert float(other.kernel[0, 0]) == 2.0
    assert float(layer.kernel[0, 0]) == 2.0


def test_batch_statistics_are_averaged_too():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    names = [weight.name for weight in layer.weights]
    average = MovingAverage(layer, 0.5)
    layer.moving_mean.assign([4.0, 4.0, 4.0])
    average.update(layer, 10**6)
    np.testing.assert_allclose(average.averages[names.index("moving_mean")], 2.0)
    assert average.trainable_variables == []


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_decay_outside_its_range_is_refused(decay):
    with pytest.raises(ValueError, match=rf"decay must lie in \[0, 1\). Received: decay={decay}"):
        MovingAverage(build_dense(0.0), decay)


def test_losses_are_divided_by_the_number_of_replicas(monkeypatch):
    assert float(replicas.own_share(tf.constant(6.0))) == 6.0
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: SimpleNamespace(num_replicas_in_sync=4))
    assert float(replicas.own_share(tf.constant(6.0))) == 1.5
