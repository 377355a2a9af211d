"""Which devices share a training: one, several of this machine, or several machines."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from rugan_tf.errors import InputError
from rugan_tf.train.options import TrainOptions

PATIENCE = 60.0  # s, for the other workers to be there


def distribution_strategy(num_devices: int | None) -> Any:
    """Return the strategy of a training: the only place that decides.

    MultiWorkerMirroredStrategy where TF_CONFIG is set, else MirroredStrategy where there is more than one device,
    else the default strategy. Must be called before TensorFlow is used for anything else.

    Args:
        num_devices: GPUs to use, or parts of the processor where there are no GPUs; None for all GPUs.

    Raises:
        InputError: fewer GPUs than asked for, TF_CONFIG is malformed, or devices and TF_CONFIG are both given.
        ConnectionError: a worker of TF_CONFIG is not there.
    """
    if "TF_CONFIG" in os.environ:
        if num_devices is not None:
            raise InputError(
                f"Devices are counted on one machine, without TF_CONFIG. Received: --devices {num_devices}"
            )
        # TensorFlow would wait for workers that are not there without saying so.
        require_workers(os.environ["TF_CONFIG"])
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_physical_devices("GPU")
    wanted = len(gpus) if num_devices is None else num_devices
    if gpus and wanted > len(gpus):
        raise InputError(f"devices must be at most the number of GPUs. Received: devices={wanted}, GPUs={len(gpus)}")
    if wanted <= 1:
        return tf.distribute.get_strategy()
    if gpus:
        return tf.distribute.MirroredStrategy([f"GPU:{number}" for number in range(wanted)])
    # Parts of one processor are not faster; they are there to try out how devices share a training.
    processor = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * wanted
    # TensorFlow lets it be set once; a second training in this process finds it as it is.
    if tf.config.get_logical_device_configuration(processor) != parts:
        tf.config.set_logical_device_configuration(processor, parts)
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(wanted)])


def require_workers(text: str) -> None:
    """Raise unless TF_CONFIG names workers and this task, and every other worker is there.

    Each worker listens at its own address until it has reached all others; TensorFlow then listens there itself. A
    strategy that waits for a dead worker by itself says nothing for minutes.
    """
    workers, index = read_tf_config(text)
    port = int(workers[index].rpartition(":")[2])
    try:
        listening = socket.create_server(("", port))
    except OSError as error:
        raise ConnectionError(f"The port of this worker must be free. Received: {error} for {workers[index]}") from None
    with listening:
        for number, address in enumerate(workers):
            if number != index:
                wait_for(address, PATIENCE)


def read_tf_config(text: str) -> tuple[list[str], int]:
    """Return the addresses of the workers and the number of this one.

    Raises:
        InputError: it is malformed.
    """
    rule = 'TF_CONFIG must be JSON {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    try:
        content = json.loads(text)
        workers, task = content["cluster"]["worker"], content["task"]
        index = task["index"]
        whole = task["type"] == "worker" and all(one.rpartition(":")[2].isdecimal() for one in workers)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{rule}. Received: {text}") from None
    if not whole or not isinstance(index, int) or not 0 <= index < len(workers):
        raise InputError(f"{rule}. Received: {text}")
    return workers, index


def wait_for(address: str, patience: float) -> None:
    """Wait until something answers at host:port.

    Raises:
        ConnectionError: nothing did in time (s).
    """
    host, _, port = address.rpartition(":")
    end = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise ConnectionError(
                    f"Every worker of TF_CONFIG must answer within {patience:g} s. Received: {error} from {address}"
                ) from None
            # Workers are started one after the other, by hand or by a scheduler: refusals at first are no failure.
            time.sleep(0.5)


def require_replicas(options: TrainOptions, num_replicas: int) -> None:
    """Raise InputError unless the options can be trained on this number of replicas."""
    # Unequal parts would weigh sheets unequally: the gradients of replicas are summed as if of equal batches.
    if options.batch_size % num_replicas:
        raise InputError(
            f"batch_size must be a multiple of the number of replicas. Received: batch_size={options.batch_size}, "
            f"replicas={num_replicas}"
        )


def shared_out(strategy: Any, batches: tf.data.Dataset) -> Any:
    """Return a dataset whose elements are cut into equal parts, one for each replica in its order."""
    num_replicas = strategy.num_replicas_in_sync
    if num_replicas == 1:
        return batches

    # Cut here and not by TensorFlow, whose own sharding deals files or elements out: so the sheets of a batch, and
    # their order, are the same for any number of devices.
    def parts_of_worker(context: Any) -> tf.data.Dataset:
        local = num_replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def part(element: dict[str, Any]) -> dict[str, Any]:
            return {
                name: tf.stack(tf.split(value, num_replicas)[first : first + local]) for name, value in element.items()
            }

        # Each replica takes one element an update: two updates ahead.
        return batches.map(part).unbatch().prefetch(2 * local)

    return strategy.distribute_datasets_from_function(parts_of_worker)


def num_workers(strategy: Any) -> int:
    """Return how many processes share the training."""
    resolver = strategy.cluster_resolver
    return 1 if resolver is None else max(1, len(resolver.cluster_spec().as_dict().get("worker", ())))


def any_worker(strategy: Any) -> Callable[[bool], bool]:
    """Return a function by which the workers tell each other whether one of them says yes; all must call it."""
    if num_workers(strategy) == 1:
        return bool

    # A sum over the workers: one that stopped alone would leave the others waiting for its gradients.
    @tf.function
    def count(flag: Any) -> Any:
        return strategy.reduce("SUM", strategy.run(lambda: tf.identity(flag)), axis=None)

    return lambda flag: bool(count(tf.constant(float(flag))) > 0)


@contextlib.contextmanager
def told_of_lost_workers(strategy: Any, last_good: Callable[[], str]) -> Iterator[None]:
    """Turn what TensorFlow raises when another worker ends into one line, with the last good checkpoint.

    Raises:
        ConnectionError: instead of it.
    """
    try:
        yield
    # Which of them it is depends on what this worker was waiting for.
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError):
        if num_workers(strategy) == 1:
            raise
        raise ConnectionError(
            "Every worker of TF_CONFIG must go on to the end; start all of them again with --resume. Received: one was "
            f"lost; last good checkpoint: {last_good()}"
        ) from None


def is_chief(strategy: Any) -> bool:
    """Return whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    return resolver is None or not getattr(resolver, "task_id", None)
