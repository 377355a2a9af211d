"""The fast tight binding against a slow one without a line in common: loops, three dimensions, k-points."""

import cmath
import itertools
import math

import numpy as np
import pytest

from rugan_tf.physics.tight_binding import tight_binding_energy
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.geometry import cell_lengths, site_positions
from rugan_tf.systems.porous_graphene.reference import sheet_energy


def hopping_scale(r):
    if r >= 2.6:
        return 0.0
    if r >= 2.45:
        t = r - 2.45
        return 6.7392620074314e-3 + t * (-8.1885359517898e-2 + t * (0.1932365259144 + t * 0.3542874332380))
    return (1.536329 / r) ** 2 * math.exp(-2 * (r / 2.18) ** 6.5 + 2 * (1.536329 / 2.18) ** 6.5)


def pair_repulsion(r):
    if r >= 2.6:
        return 0.0
    if r >= 2.57:
        t = r - 2.57
        return 2.2504290109e-8 + t * (-1.4408640561e-6 + t * (2.1043303374e-5 + t * 6.6024390226e-5))
    exponent = -3.30304 * (r / 2.1052) ** 8.6655 + 3.30304 * (1.64 / 2.1052) ** 8.6655
    return 8.18555 * (1.64 / r) ** 3.30304 * math.exp(exponent)


def slater_koster(cosines):
    """Hoppings (4, 4) between s, px, py, pz of two atoms; `cosines` point from the first to the second."""
    table = np.zeros((4, 4))
    table[0, 0] = -5.0
    for i in range(3):
        table[0, i + 1], table[i + 1, 0] = 4.7 * cosines[i], -4.7 * cosines[i]
        for j in range(3):
            table[i + 1, j + 1] = cosines[i] * cosines[j] * (5.5 + 1.55) - (1.55 if i == j else 0.0)
    return table


def images_within_reach(positions, cell):
    """Yield first, second, translation and vector of every ordered pair closer than 2.6 Å."""
    reach = [math.ceil(2.6 / length) + 1 for length in cell]
    translations = list(itertools.product(*(range(-count, count + 1) for count in reach)))
    for (i, start), (j, end) in itertools.product(enumerate(positions), repeat=2):
        for translation in translations:
            vector = [end[axis] + translation[axis] * cell[axis] - start[axis] for axis in range(2)] + [0.0]
            if (i, (0, 0)) != (j, translation) and math.hypot(*vector) < 2.6:
                yield i, j, translation, vector


def slow_energy(positions, cell, smearing=0.1, kpoints=((0.0, 0.0),)):
    """Energy in eV of as many cells as there are k-points (fractions of the reciprocal cell)."""
    num_atoms, pairs = len(positions), list(images_within_reach(positions, cell))
    levels = []
    for k in kpoints:
        matrix = np.diag(np.tile([-2.99, 3.71, 3.71, 3.71], num_atoms)).astype(complex)
        for i, j, translation, vector in pairs:
            r = math.hypot(*vector)
            phase = cmath.exp(2j * math.pi * (k[0] * translation[0] + k[1] * translation[1]))
            block = hopping_scale(r) * slater_koster([component / r for component in vector])
            matrix[4 * i : 4 * i + 4, 4 * j : 4 * j + 4] += phase * block
        levels.extend(np.linalg.eigvalsh(matrix))
    return band(levels, 4 * num_atoms * len(kpoints), smearing) + len(kpoints) * (
        repulsion(pairs, num_atoms) - 1.44 * num_atoms
    )


def band(levels, num_electrons, smearing):
    low, high = min(levels) - 50 * smearing, max(levels) + 50 * smearing
    for _ in range(200):
        middle = (low + high) / 2
        occupations = [0.5 * (1 - math.tanh((level - middle) / (2 * smearing))) for level in levels]
        low, high = (middle, high) if 2 * math.fsum(occupations) < num_electrons else (low, middle)
    return 2 * math.fsum(occupation * level for occupation, level in zip(occupations, levels, strict=True))


def repulsion(pairs, num_atoms):
    sums = [0.0] * num_atoms
    for i, _, _, vector in pairs:
        sums[i] += pair_repulsion(math.hypot(*vector))
    coefficients = (
        -2.5909765118191,
        0.5721151498619,
        -1.7896349903996e-3,
        2.3539221516757e-5,
        -1.24251169551587e-7,
    )
    return sum(coefficient * x**power for x in sums for power, coefficient in enumerate(coefficients))


def positions_of(states):
    occupied = np.stack([states % 2 == 1, states >= 2], axis=-1)
    return site_positions(*states.shape)[occupied]


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (1, 4), (3, 2), (3, 4), (4, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_random_sheet_has_the_energy_of_the_slow_implementation(size, seed):
    states = np.random.default_rng(seed).integers(0, 4, size, dtype=np.uint8)
    states[0, 0] = 3
    assert sheet_energy(states) == pytest.approx(slow_energy(positions_of(states), cell_lengths(*size)), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_displaced_atoms_in_an_odd_cell_have_the_energy_of_the_slow_implementation(seed):
    rng = np.random.default_rng(seed)
    cell = cell_lengths(2, 4) * [1.05, 0.98]
    positions = positions_of(np.full((2, 4), 3)) + rng.normal(0, 0.1, (16, 2))
    elsewhere = positions + rng.integers(-2, 3, (16, 2)) * cell  # the same atoms by other images
    slow = slow_energy(positions, cell, smearing=0.3)
    assert tight_binding_energy(CARBON, elsewhere, cell, smearing=0.3) == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize("repeats", [(1, 2), (2, 1), (3, 2)])
def test_supercell_at_gamma_is_its_cell_at_the_folded_k_points(repeats):
    states = np.array([[3, 1], [3, 3]], np.uint8)
    kpoints = [(i / repeats[0], j / repeats[1]) for i in range(repeats[0]) for j in range(repeats[1])]
    folded = slow_energy(positions_of(states), cell_lengths(2, 2), kpoints=kpoints)
    assert sheet_energy(np.tile(states, repeats)) == pytest.approx(folded, abs=1e-9)
