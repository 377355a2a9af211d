"""Energies of many sheets by any energy function, on all cores, with progress, resumable."""

import concurrent.futures
import hashlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import read_arrays
from rugan_tf.systems.system import EnergyFunction

BLOCK = 64  # sheets between two savings of the progress


def label_states(
    states: NDArray[np.uint8],
    energy_function: EnergyFunction,
    *,
    progress_path: Path | None = None,
    processes: int | None = None,
    description: str = "energies",
) -> NDArray[np.float64]:
    """Return the energies (n,), eV, of uint8 states (n, rows, cols).

    Args:
        states: the sheets.
        energy_function: of one sheet (rows, cols), eV; sent to worker processes.
        progress_path: an .npz that keeps what is done. It is read if it belongs to these sheets and this
            function, and is removed by whoever stores the result.
        processes: workers, one per core unless said otherwise; 1 stays in this process.
        description: what the progress bar says.

    Raises:
        InputError: an energy is not finite, or the calculation of one sheet failed (which one is said); what was
            done before is kept at `progress_path`.
    """
    energies = np.full(len(states), np.nan)
    key = progress_key(states, energy_function)
    if progress_path is not None and progress_path.exists():
        energies = resumed_energies(progress_path, key, energies)
    pending = np.flatnonzero(np.isnan(energies))
    bar = tqdm(total=len(states), initial=len(states) - len(pending), desc=description, unit="sheet")
    if hasattr(energy_function, "energies"):
        with bar:
            return label_in_batches(states, energy_function, bar)
    processes = min(processes or available_cores(), max(1, len(pending)))
    with bar, WorkerPool(processes) as pool:
        try:
            for position, (index, energy) in enumerate(pool.energies(energy_function, states, pending), start=1):
                energies[index] = checked_energy(energy, index)
                bar.update()
                if progress_path is not None and position % BLOCK == 0:
                    write_progress(progress_path, key, energies)
        finally:
            if progress_path is not None and np.isfinite(energies).any():
                write_progress(progress_path, key, energies)
    return energies


def label_in_batches(states: NDArray[np.uint8], energy_function: Any, bar: tqdm) -> NDArray[np.float64]:
    """Return the energies (n,), eV, by a function of many sheets at once; fast enough not to be resumed."""
    size = energy_function.sheets_per_call(*states.shape[1:])
    parts = []
    for start in range(0, len(states), size):
        part = energy_function.energies(states[start : start + size])
        parts.append([checked_energy(energy, start + offset) for offset, energy in enumerate(part)])
        bar.update(len(part))
    return np.concatenate(parts)


class WorkerPool:
    """Worker processes with one thread each, or this process where one is enough."""

    def __init__(self, processes: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork after TensorFlow's threads began would hang
        self.executor = None
        if processes > 1:
            self.executor = concurrent.futures.ProcessPoolExecutor(processes, context, initializer=use_one_thread)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)

    def energies(self, energy_function: EnergyFunction, states: NDArray[np.uint8], indices: NDArray[np.int64]):  # type: ignore[no-untyped-def]
        """Yield (index, energy) for each of `indices`, in order of completion."""
        if self.executor is None:
            for index in indices:
                yield int(index), failing_by_name(energy_function, states[index], int(index))
            return
        futures = [
            self.executor.submit(failing_by_name, energy_function, states[index], int(index)) for index in indices
        ]
        positions = {future: int(index) for future, index in zip(futures, indices, strict=True)}
        try:
            for future in concurrent.futures.as_completed(futures):
                yield positions[future], future.result()
        except concurrent.futures.BrokenExecutor as error:
            raise InputError(
                f"Worker processes must live until they are done; fewer need less memory. Received: {error}"
            ) from None


def failing_by_name(energy_function: EnergyFunction, states: NDArray[np.uint8], index: int) -> float:
    """Return the energy of one sheet; an exception says which sheet it was."""
    try:
        return float(energy_function(states))
    except Exception as error:
        raise InputError(f"The energy of every sheet must be calculable. Received: sheet {index}: {error}") from None


def checked_energy(energy: float, index: int) -> float:
    """Return a finite energy, or raise InputError."""
    if not np.isfinite(energy):
        raise InputError(f"Energies must be finite. Received: {energy} for sheet {index}")
    return energy


def use_one_thread() -> None:
    """Keep the linear algebra of a worker on its own core."""
    threadpoolctl.threadpool_limits(1)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def progress_key(states: NDArray[np.uint8], energy_function: EnergyFunction) -> str:
    """Return what identifies a labelling: sheets and energy function."""
    digest = hashlib.sha256(states.tobytes())
    digest.update(f"{states.shape}{energy_function.description}".encode())
    return digest.hexdigest()


def write_progress(path: Path, key: str, energies: NDArray[np.float64]) -> None:
    """Keep the energies that are done; NaN stands for those that are not."""
    with files.replacing(path) as temporary:
        np.savez(temporary, energy=energies, key=np.array(key))


def resumed_energies(path: Path, key: str, energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the energies kept at `path`.

    Raises:
        InputError: they belong to other sheets or to another energy function.
    """
    kept = read_arrays(path, ("energy", "key"))
    if str(kept["key"]) != key or kept["energy"].shape != energies.shape:
        raise InputError(
            f"Progress must belong to the same sheets and the same energy function; remove the file to begin "
            f"anew. Received: {path}"
        )
    return kept["energy"]
