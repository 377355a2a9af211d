"""Blocks of sheets on the workers of a Dask cluster, on this machine or anywhere."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

from rugan_tf.generate.needs import available_memory
from rugan_tf.generate.streaming import Task

BLOCK = 2048  # cells along each side: a tenth of a block is made twice, for the halo
WORKER_MEMORY = 1.5e9  # bytes: TensorFlow, the model, and one piece
START = 60  # s, to reach a scheduler


@dataclasses.dataclass(frozen=True)
class OnCluster:
    """Does tasks on the workers of a cluster, which see the same folder.

    Attributes:
        address: of a scheduler; None for a cluster of processes on this machine.
    """

    address: str | None = None
    block = BLOCK

    def run(self, tasks: Sequence[Task]) -> Iterator[int]:
        """Do the tasks, and yield the cells of each block.

        Raises:
            OSError: the scheduler cannot be reached, or is lost; or a worker could not write.
        """
        if not tasks:
            return
        from concurrent.futures import CancelledError

        import distributed

        # Workers may run in other folders.
        tasks = [dataclasses.replace(task, path=task.path.absolute()) for task in tasks]
        with self.client() as client:
            # pure=False: a task is known by what it writes, and a result that the cluster remembers writes nothing.
            futures = client.map(Task.run, tasks, pure=False)
            try:
                for future in distributed.as_completed(futures):
                    yield future.result()
            except CancelledError as error:
                raise ConnectionError(f"The scheduler {client.scheduler.address} is lost ({error!r})") from error
            except distributed.KilledWorker as error:
                raise ConnectionError(f"Workers were lost again and again ({error})") from error
            finally:
                # Where the scheduler is lost this fails as well, and would hide the first error.
                with contextlib.suppress(Exception):
                    client.cancel(futures, force=True)

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Yield a connection to the cluster.

        Raises:
            OSError: the scheduler cannot be reached.
        """
        import distributed

        if self.address is not None:
            with distributed.Client(self.address, timeout=START) as client:
                yield client
            return
        number = max(1, min(os.cpu_count() or 1, int((available_memory() or WORKER_MEMORY) // WORKER_MEMORY)))
        # Each worker has one core, so TensorFlow must not start threads for all of them.
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        # No dashboard, which opens a port; no limit of memory, at which Dask would end workers.
        with (
            distributed.LocalCluster(
                n_workers=number, threads_per_worker=1, env=threads, dashboard_address=None, memory_limit=0
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
