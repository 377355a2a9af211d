"""The weights of an exported generator, for what goes on from a model of which no run folder is left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rugan_tf.errors import InputError


def exported_weights(folder: Path) -> list[NDArray[Any]]:
    """Return the generator's weights in a version folder, in the order of the network's own.

    Raises:
        InputError: the folder holds no weights of a generator.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(f"A model must hold its variables. Received: {folder} ({error})") from None
    numbers = []
    for name in reader.get_variable_to_shape_map():
        first, _, rest = name.partition("/")
        number = rest.partition("/")[0]
        if first == "generator" and number.isdecimal():
            numbers.append(int(number))
    if not numbers:
        raise InputError(f"A model must hold the weights of a generator. Received: {folder}, which has none")
    return [reader.get_tensor(f"generator/{number}/.ATTRIBUTES/VARIABLE_VALUE") for number in sorted(numbers)]


def weights_of_network(folder: Path, network: Sequence[Any], rule: str) -> list[NDArray[Any]]:
    """Return the generator's weights in a version folder, which are to be those of a network.

    Args:
        folder: version folder.
        network: the weights of the network, of which the shapes are looked at.
        rule: what the exported generator must be, for the message.

    Raises:
        InputError: the folder holds no weights of a generator, or those of another network.
    """
    arrays, expected = exported_weights(folder), [tuple(weight.shape) for weight in network]
    shapes = [array.shape for array in arrays]
    if shapes != expected:
        differing = next((pair for pair in zip(shapes, expected, strict=False) if pair[0] != pair[1]), None)
        told = f"one of shape {differing[0]} in place of {differing[1]}" if differing else "the first ones alike"
        raise InputError(f"{rule}. Received: {len(shapes)} arrays in place of {len(expected)}, {told}")
    return arrays
