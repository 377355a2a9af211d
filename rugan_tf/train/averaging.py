"""The exponential moving average of a network's weights, which is what is evaluated and exported."""

from typing import Any

import keras
from keras import ops


class MovingAverage(keras.layers.Layer):
    """Average of all weights of a network, batch statistics included.

    The decay grows as (1 + k) / (10 + k) with the number of updates k up to `decay`, so that the average forgets the
    first updates soon.

    Args:
        network: built; only its weights are looked at.
        decay: largest decay per update, in [0, 1).
    """

    def __init__(self, network: keras.Model, decay: float, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1). Received: decay={decay}")
        self.decay = decay
        self.averages = [
            self.add_weight(
                shape=weight.shape,
                initializer="zeros",
                dtype="float32",
                trainable=False,
                aggregation="only_first_replica",  # every replica computes the same value
                name=f"average_{index}",
            )
            for index, weight in enumerate(network.weights)
        ]
        self.built = True
        # Not zeros: the first average is the network itself, so that it is usable from the first update on.
        for average, weight in zip(self.averages, network.weights, strict=True):
            average.assign(weight)

    def update(self, network: keras.Model, num_updates: Any) -> None:
        """Move the averages towards the network's weights after its `num_updates`-th update."""
        count = ops.cast(num_updates, "float32")
        decay = ops.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for average, weight in zip(self.averages, network.weights, strict=True):
            average.assign(average + (1.0 - decay) * (ops.cast(weight, "float32") - average))

    def copy_to(self, network: keras.Model) -> None:
        """Set the weights of a network of the same kind to the averages."""
        for average, weight in zip(self.averages, network.weights, strict=True):
            weight.assign(average)
