"""What one replica of several does with its part of a batch, so that all together do what one alone would."""

from typing import Any

import tensorflow as tf


def own_number() -> Any:
    """Return the number of this replica, int32 ()."""
    return tf.convert_to_tensor(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)


def own_share(loss: Any) -> Any:
    """Divide a loss by the number of replicas: optimisers sum gradients over them, and losses are means."""
    return loss / float(tf.distribute.get_strategy().num_replicas_in_sync)


def own_batch(values: Any) -> Any:
    """Return the length of the first axis, as a number where it is known: XLA needs shapes that are."""
    return values.shape[0] if values.shape[0] is not None else tf.shape(values)[0]


def own_part(draw: Any, shape: tuple[Any, ...], seed: Any, replica: Any) -> Any:
    """Draw for the whole batch, and return the part (batch of the replica, ...) that belongs to this replica.

    So the numbers do not depend on how many replicas share the batch.

    Args:
        draw: a stateless random function of TensorFlow.
        shape: of the part.
        seed: int32 (2,), the same on all replicas.
        replica: int32 (), which of the replicas this is.
    """
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    # Only philox gives the same numbers on every device and with every compiler.
    whole = draw((num_replicas * shape[0], *shape[1:]), seed, alg="philox")
    return whole if num_replicas == 1 else whole[replica * shape[0] : (replica + 1) * shape[0]]
