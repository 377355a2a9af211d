"""The Ising model: energies against brute force, sheets against every state of 4x4 spins and Onsager's energy."""

import itertools

import numpy as np
import pytest
from scipy.special import ellipk

from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.lattice.statistics import neighbour_counts
from rugan_tf.systems.ising.energy import ising_energies
from rugan_tf.systems.ising.sampling import Temperatures, cluster_update, sample
from rugan_tf.systems.named import system_named

SYSTEM = system_named("ising")


def every_sheet(rows, cols):
    bits = np.arange(2 ** (rows * cols))[:, None] >> np.arange(rows * cols) & 1
    return bits.reshape(-1, rows, cols).astype(np.uint8)


def energies_by_pairs(sheets):
    """Pair by pair of neighbours, in integers, for many sheets at once."""
    rows, cols = sheets.shape[1:]
    spins = np.where(sheets == 1, 1, -1)
    total = np.zeros(len(sheets), np.int64)
    for row, col in itertools.product(range(rows), range(cols)):
        total -= spins[:, row, col] * spins[:, (row + 1) % rows, col]
        total -= spins[:, row, col] * spins[:, row, (col + 1) % cols]
    return total


def energies(sheets):
    return energy_named(SYSTEM, "ising").energies(sheets)


@pytest.mark.parametrize(("rows", "cols"), list(itertools.product((2, 3, 4), repeat=2)))
def test_energies_of_all_small_lattices_are_those_of_brute_force(rows, cols):
    sheets = every_sheet(rows, cols)
    assert energies(sheets).tolist() == energies_by_pairs(sheets).tolist()


def test_4x4_lattices_have_the_known_numbers_of_states():
    """Of each energy on the 4x4 torus, from the exact partition function (Beale, 1996): a check of the check."""
    values, numbers = np.unique(energies_by_pairs(every_sheet(4, 4)), return_counts=True)
    known = {-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568, 0: 20524}
    known |= {-value: number for value, number in known.items()}
    assert dict(zip(values.tolist(), numbers.tolist(), strict=True)) == known


def test_energy_counts_the_neighbours_that_the_lattice_has():
    states = np.random.default_rng(3).integers(0, 2, (20, 5, 6), np.uint8)
    ups = neighbour_counts(SYSTEM.lattice, states[..., None] == 1)[..., 0].astype(int)
    spins = 2 * states.astype(int) - 1
    around = 2 * ups - 4  # of four neighbours
    assert energies(states).tolist() == (-(spins * around).sum(axis=(1, 2)) / 2).tolist()


@pytest.mark.parametrize("temperature", [1.8, 2.269, 3.5])
def test_sheets_of_4x4_are_those_of_exact_enumeration(temperature):
    sheets = every_sheet(4, 4)
    spins = 2 * sheets.astype(np.int64) - 1
    energy = energies_by_pairs(sheets)
    weight = np.exp(-(energy - energy.min()) / temperature)
    weight /= weight.sum()
    number = 20_000
    drawn = sample(np.random.default_rng(5), np.full(number, temperature), 4, 4, num_sweeps=20)
    code = drawn.reshape(number, 16).astype(np.int64) @ (1 << np.arange(16))
    magnetisation = np.abs(spins.sum(axis=(1, 2)))
    far = (spins * np.roll(spins, (2, 2), (1, 2))).sum(axis=(1, 2))
    for quantity in (energy, energy**2, magnetisation, far):
        mean = weight @ quantity
        error = np.sqrt(weight @ (quantity - mean) ** 2 / number)
        assert quantity[code].mean() == pytest.approx(mean, abs=4 * error)
    assert spins.sum(axis=(1, 2))[code].mean() == pytest.approx(0, abs=4 * 16 / np.sqrt(number))


def test_an_update_leaves_the_exact_distribution_as_it_is():
    """From sheets of equilibrium one update is enough: what is slow to arrive would still show."""
    sheets, temperature = every_sheet(3, 4), 2.0
    energy = energies(sheets)
    weight = np.exp(-(energy - energy.min()) / temperature)
    rng = np.random.default_rng(7)
    started = rng.choice(len(sheets), 40_000, p=weight / weight.sum())
    moved = cluster_update(rng, sheets[started], np.full(len(started), temperature))
    code = moved.reshape(len(moved), 12).astype(np.int64) @ (1 << np.arange(12))
    expected, error = energy[started].mean(), energy[started].std() / np.sqrt(len(started))
    assert energy[code].mean() == pytest.approx(expected, abs=6 * error)
    assert (code != started).mean() > 0.4


def onsager_energy(temperature):
    """Energy per site of the infinite lattice, J (Onsager, 1944)."""
    beta = 1 / temperature
    modulus = 2 * np.sinh(2 * beta) / np.cosh(2 * beta) ** 2
    factor = 2 * np.tanh(2 * beta) ** 2 - 1
    return -(1 + 2 / np.pi * factor * ellipk(modulus**2)) / np.tanh(2 * beta)


@pytest.mark.parametrize("temperature", [1.8, 2.8])
def test_larger_sheets_have_the_energy_of_onsager(temperature):
    """Away from the transition, where 24x24 spins differ from infinitely many by less than their error."""
    drawn = sample(np.random.default_rng(11), np.full(200, temperature), 24, 24, num_sweeps=40)
    energy = energies(drawn) / 24**2
    error = energy.std() / np.sqrt(len(energy))
    assert energy.mean() == pytest.approx(onsager_energy(temperature), abs=4 * error)
    assert error < 0.006


def test_each_sheet_has_a_temperature_of_its_own_between_the_two():
    rng = np.random.default_rng(0)
    cold = SYSTEM.draw_states(rng, 300, 8, 8, Temperatures(0.5, 0.5, 30))
    assert (energies(cold) == -128).mean() > 0.98
    assert 0.3 < (cold[:, 0, 0] == 1).mean() < 0.7
    mixed = energies(SYSTEM.draw_states(rng, 300, 8, 8, Temperatures(1.0, 50.0, 30))) / 64
    assert mixed.min() < -1.8
    assert mixed.max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_temperature": 0.0}, r"0 < min_temperature <= max_temperature. Received: min_temperature=0.0"),
        ({"max_temperature": 1.0}, r"min_temperature <= max_temperature. Received: .*max_temperature=1.0"),
        ({"num_sweeps": 0}, r"num_sweeps must be at least 1. Received: num_sweeps=0"),
    ],
)
def test_impossible_temperatures_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Temperatures(**options)


def test_energy_of_a_supercell_is_that_of_its_parts():
    sheets = np.array([[[0, 1, 1]], [[0, 0, 0]]], np.uint8)
    assert ising_energies(np.tile(sheets, (1, 2, 3))).tolist() == (6 * ising_energies(sheets)).tolist()
    assert SYSTEM.reference_energies["ising"](sheets[1]) == -6
