"""Structures as other people have them: turned, skew, noisy, strained, standing upright, wrapped into their cell."""

import numpy as np

WAYS = ("orientation", "skew cell", "noise", "strain", "vacuum along x", "wrapped", "unwrapped", "all")


def disturbed(structure, way, seed=0):
    """The same sheet in another dress."""
    rng = np.random.default_rng(seed)
    changed = structure.copy()
    changed.pbc = True
    every = way == "all"
    if way == "noise" or every:
        changed.positions += rng.normal(0, 0.1, changed.positions.shape)
    if way == "strain" or every:
        changed.set_cell(changed.cell * np.array([1.005, 1.005, 1.0])[:, None], scale_atoms=True)
    if way == "skew cell" or every:
        cell = np.array(changed.cell)
        cell[1] += cell[0]  # the same lattice of periods
        changed.set_cell(cell)
    if way == "orientation" or every:
        changed.rotate(90, "z", rotate_cell=True)
    if way == "vacuum along x" or every:
        order = [2, 0, 1]
        changed.positions = changed.positions[:, order]
        changed.set_cell(np.array(changed.cell)[order][:, order])
    if way != "unwrapped":
        changed.positions += rng.uniform(-20, 20, 3)
        changed.wrap()
    else:
        periods = rng.integers(-2, 3, (len(changed), 3))
        changed.positions += periods @ np.array(changed.cell) + rng.uniform(-20, 20, 3)
    return changed


def is_symmetric_image(system, first, second):
    """Whether a symmetry of the lattice makes one sheet of the other."""
    if first.shape != second.shape:
        return False
    number = len(system.images.permutations(*first.shape))
    images = system.images.transform(np.repeat(first[None], number, axis=0), np.arange(number))
    return bool((images == second).all(axis=(1, 2)).any())
