"""Chains against what is known exactly: enumeration of all sheets, transfer matrices, Onsager."""

import numpy as np
import pytest
from sampled_lattices import Bonded, codes, every_sheet
from scipy.special import ellipk
from scipy.stats import chi2

from rugan_tf.energies.named import energy_named
from rugan_tf.formats.pieces import Pieces
from rugan_tf.sample.autocorrelation import autocorrelation_time, independence
from rugan_tf.sample.chains import Chains, Schedule
from rugan_tf.sample.ensembles import Canonical, EnergyWindow
from rugan_tf.sample.local_energy import local_energy_of
from rugan_tf.sample.moves import Moves
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.rule import OnePiece

ISING, BONDED = system_named("ising"), Bonded()
NOTHING = Pieces(None)


def chains(system, sheet, patch, ensemble, schedule, **options):
    energy = local_energy_of(system, energy_named(system, system.reference_name))
    return Chains(Moves(system, energy, sheet, patch, **options), ensemble, schedule)


def start(system, ensemble, num_chains, rows, cols, seed=0):
    shape = len(ensemble.inverse_temperatures), num_chains, rows, cols
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, system.num_states, (np.prod(shape[:2]), rows, cols)).astype(np.uint8)
    return system.repair(drawn).reshape(shape)


def start_of(sheets, weights, num_chains):
    """Sheets of the right distribution for each replica, whatever chains do to it then."""
    rng = np.random.default_rng(11)
    return np.stack([sheets[rng.choice(len(sheets), num_chains, p=weight / weight.sum())] for weight in weights])


def assert_moved(states, first):
    """Most chains are elsewhere than where they began."""
    assert (states != first).any(axis=(1, 2)).mean() > 0.5


def energies_of(system, sheets):
    return system.reference_energies[system.reference_name].energies(sheets)


def assert_distribution(found, sheets, probability, num_states):
    """Compare how often independent draws were each sheet, by chi squared over sheets that are expected five times."""
    order = {code: index for index, code in enumerate(codes(sheets, num_states))}
    counts = np.bincount([order[code] for code in codes(found, num_states)], minlength=len(sheets))
    expected = probability * len(found)
    is_often = expected >= 5
    rest = np.array([counts[~is_often].sum(), expected[~is_often].sum()])
    statistic = ((counts - expected)[is_often] ** 2 / expected[is_often]).sum()
    freedom = is_often.sum() - 1
    if rest[1] >= 5:
        statistic, freedom = statistic + (rest[0] - rest[1]) ** 2 / rest[1], freedom + 1
    assert freedom > 20
    assert chi2.sf(statistic, freedom) > 1e-3


@pytest.mark.parametrize("flips", [1, 3])
def test_sheets_of_a_rule_stay_as_likely_as_boltzmann_says(flips):
    """All 742 valid sheets of 2x4 cells, at three temperatures with exchange; one flip a step and several."""
    sheets = every_sheet(BONDED, 2, 4)
    energy = energies_of(BONDED, sheets)
    ensemble = Canonical(np.array([8.0, 12.0, 16.0]))
    weights = [np.exp(-(energy - energy.min()) / temperature) for temperature in ensemble.temperatures]
    first = start_of(sheets, weights, 4000)
    run = chains(BONDED, (2, 4), (2, 3), ensemble, Schedule(30 // flips, 1, flips, 3))
    trace = run.run(first, NOTHING)
    for replica, weight in enumerate(weights):
        assert_distribution(trace.states[0, replica], sheets, weight / weight.sum(), 4)
        assert_moved(trace.states[0, replica], first[replica])
    assert (trace.swapped > 0.05).all()
    assert trace.drift < 1e-9


class Even(OnePiece):
    """One piece, and an even number of atoms: a rule that only whole sheets can break, and often do."""

    def is_valid(self, states):
        return super().is_valid(states) & ((states % 2 + states // 2).sum(axis=(1, 2)) % 2 == 0)


class EvenBonded(Bonded):
    rule = Even()


def test_steps_that_break_the_rule_of_the_whole_are_undone():
    system = EvenBonded()
    sheets = every_sheet(system, 2, 4)
    assert 100 < len(sheets) < 742
    energy = energies_of(system, sheets)
    ensemble = Canonical(np.array([10.0, 15.0]))
    weights = [np.exp(-(energy - energy.min()) / temperature) for temperature in ensemble.temperatures]
    first = start_of(sheets, weights, 4000)
    run = chains(system, (2, 4), (2, 3), ensemble, Schedule(12, 1, 4, 5))
    trace = run.run(first, NOTHING)
    assert (trace.whole > 0.1).all()
    assert (trace.whole < 0.9).all()
    for replica, weight in enumerate(weights):
        assert_distribution(trace.states[0, replica], sheets, weight / weight.sum(), 4)
        assert_moved(trace.states[0, replica], first[replica])


def test_a_window_of_a_rule_holds_sheets_of_equal_energy_equally_often():
    sheets = every_sheet(BONDED, 2, 4)
    energy, extent = energies_of(BONDED, sheets), BONDED.extent(2, 4)
    requested = -47.0 / extent
    ensemble = EnergyWindow(np.full(4000, requested), 6.0 / extent, 12.0 / extent, 2, extent)
    distance = (energy / extent - requested) / ensemble.width
    untilted = [np.exp(-0.5 * inverse * distance**2) for inverse in ensemble.inverse_temperatures]
    run = chains(BONDED, (2, 4), (2, 3), ensemble, Schedule(48, 1, 2, 3))
    trace = run.run(start_of(sheets, untilted, 4000), NOTHING)
    assert trace.states.shape == (1, 1, 4000, 2, 4)
    weight = untilted[0] * np.exp(-trace.tilt[0] * (energy / extent - requested))
    assert trace.tilt[0] != 0
    assert_distribution(trace.states[0, 0], sheets, weight / weight.sum(), 4)


def test_the_tilt_brings_the_mean_of_a_window_to_the_request():
    """Two requests among 4x4 Ising sheets, of which there are more the higher the energy: each gets its own tilt."""
    sheets = np.array(list(np.ndindex(*[2] * 16)), np.uint8).reshape(-1, 4, 4)
    energy = energies_of(ISING, sheets) / 16
    requested = np.repeat([-1.0, -0.5], 1000)
    ensemble = EnergyWindow(requested, 0.3, 0.9, 2, 16.0)
    run = chains(ISING, (4, 4), (1, 1), ensemble, Schedule(96, 20, 16, 4))
    trace = run.run(start(ISING, ensemble, 2000, 4, 4), NOTHING)
    for value in (-1.0, -0.5):
        same = requested == value
        gaussian = np.exp(-0.5 * ((energy - value) / 0.3) ** 2)
        tilted = gaussian * np.exp(-trace.tilt[same][0] * (energy - value))
        found = trace.energy[-1, 0, same] / 16
        levels = np.unique(energy)
        expected = np.array([tilted[energy == level].sum() for level in levels]) / tilted.sum() * 1000
        counts = np.array([np.isclose(found, level).sum() for level in levels])
        often = expected > 5
        assert chi2.sf(((counts - expected)[often] ** 2 / expected[often]).sum(), often.sum() - 1) > 1e-3
        assert abs((tilted * energy).sum() / tilted.sum() - value) < 0.03
        assert abs((gaussian * energy).sum() / gaussian.sum() - value) > 0.1


def test_ising_of_4x4_has_the_exact_energy_and_heat_capacity():
    sheets = np.array(list(np.ndindex(*[2] * 16)), np.uint8).reshape(-1, 4, 4)
    energy = energies_of(ISING, sheets)
    temperatures = np.array([2.6, 3.0, 4.0])
    run = chains(ISING, (4, 4), (1, 1), Canonical(temperatures), Schedule(30, 320, 16, 1))
    trace = run.run(start(ISING, run.ensemble, 100, 4, 4), NOTHING)
    for replica, temperature in enumerate(temperatures):
        weight = np.exp(-(energy - energy.min()) / temperature)
        weight /= weight.sum()
        mean = (weight * energy).sum()
        variance = (weight * energy**2).sum() - mean**2
        found = trace.energy[:, replica]
        for of_chain, expected in ((found.mean(axis=0), mean), (found.var(axis=0), variance)):
            error = of_chain.std(ddof=1) / np.sqrt(100)
            # The variance within one chain lacks that of its mean.
            lacking = expected / 320 * autocorrelation_time(found[..., None]) if expected is variance else 0
            assert abs(of_chain.mean() + lacking - expected) < 4 * error
        worth = independence(ISING, trace.states[:, replica], found)
        assert worth.time is not None
        error = np.sqrt(variance / worth.num_independent)
        assert abs(found.mean() - mean) < 4 * error


def transfer_matrix_energy(size, temperature):
    """Mean energy of a periodic Ising square of this size, by the derivative of ln Tr T^size."""
    spins = 2.0 * ((np.arange(2**size)[:, None] >> np.arange(size)) & 1) - 1

    def log_sum(beta):
        inside = (spins * np.roll(spins, 1, axis=1)).sum(axis=1)
        matrix = np.exp(beta * (spins @ spins.T + (inside[:, None] + inside) / 2 - 2 * size))
        return np.log((np.linalg.eigvalsh(matrix) ** size).sum()) + 2 * size * size * beta

    step = 1e-4
    return -(log_sum(1 / temperature + step) - log_sum(1 / temperature - step)) / (2 * step)


def test_places_that_change_together_leave_the_ensemble_as_it_is():
    temperatures = np.array([2.2, 3.0])
    run = chains(ISING, (6, 6), (1, 1), Canonical(temperatures), Schedule(40, 100, 9, 1))
    assert run.moves.places.number == 4
    trace = run.run(start(ISING, run.ensemble, 100, 6, 6), NOTHING)
    for replica, temperature in enumerate(temperatures):
        found = trace.energy[:, replica].mean(axis=0)
        error = found.std(ddof=1) / np.sqrt(100)
        assert abs(found.mean() - transfer_matrix_energy(6, temperature)) < 4 * error


def onsager_energy(temperature):
    """Energy per site of the infinite lattice, J (Onsager, Phys. Rev. 65, 117 (1944))."""
    beta = 1 / temperature
    kappa = 2 * np.sinh(2 * beta) / np.cosh(2 * beta) ** 2
    return -1 / np.tanh(2 * beta) * (1 + 2 / np.pi * (2 * np.tanh(2 * beta) ** 2 - 1) * ellipk(kappa**2))


def test_a_large_ising_lattice_has_onsagers_energy():
    assert onsager_energy(2 / np.log(1 + np.sqrt(2)) + 1e-9) == pytest.approx(-np.sqrt(2), abs=1e-5)
    temperatures = np.array([3.2, 4.0])  # correlations reach a few sites there: 24 are as good as infinitely many
    run = chains(ISING, (24, 24), (1, 1), Canonical(temperatures), Schedule(40, 60, 9, 2))
    assert run.moves.places.number == 64
    trace = run.run(start(ISING, run.ensemble, 24, 24, 24), NOTHING)
    for replica, temperature in enumerate(temperatures):
        found = trace.energy[:, replica].mean(axis=0) / 24**2
        error = found.std(ddof=1) / np.sqrt(24)
        assert error < 0.003
        assert abs(found.mean() - onsager_energy(temperature)) < 4 * error


def test_a_run_that_is_interrupted_ends_the_same(tmp_path):
    ensemble = EnergyWindow(np.full(8, -0.5), 0.1, 0.4, 2, 16.0)
    run = chains(ISING, (4, 4), (1, 1), ensemble, Schedule(20, 40, 4, 9))
    first = start(ISING, ensemble, 8, 4, 4)
    whole = run.run(first, NOTHING)
    pieces = Pieces(tmp_path / "kept").of("this run")
    stopped = run.each(first, pieces)
    for _ in range(3):
        next(stopped)
    stopped.close()
    assert len(list((tmp_path / "kept").iterdir())) > 3
    resumed = run.run(first, pieces)
    for name in ("states", "energy", "tilt", "kept_rule", "accepted", "whole", "swapped"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))
    other = chains(ISING, (4, 4), (1, 1), ensemble, Schedule(20, 40, 4, 10)).run(first, NOTHING)
    assert (other.states != whole.states).any()


def test_autocorrelation_time_of_what_is_known():
    """An autoregressive sequence with correlation r^t has the time (1 + r) / (1 - r)."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4000, 8, 1))
    values = noise.copy()
    for step in range(1, 4000):
        values[step] = 0.8 * values[step - 1] + 0.6 * noise[step]
    assert autocorrelation_time(values) == pytest.approx(9, rel=0.15)
    assert autocorrelation_time(noise) == pytest.approx(1, rel=0.1)
    assert autocorrelation_time(noise[:, :1]) == pytest.approx(1, rel=0.2)
    assert autocorrelation_time(np.ones((50, 4, 2))) is None
    # Chains that never meet are worth one sample each, however long they are.
    apart = noise[:400] * 0.01 + np.arange(8)[:, None]
    assert autocorrelation_time(apart) > 100


def test_chains_that_are_too_short_have_no_time():
    rng = np.random.default_rng(0)
    energy = np.cumsum(rng.normal(size=(60, 8)), axis=0)
    states = rng.integers(0, 2, (60, 8, 4, 4)).astype(np.uint8)
    worth = independence(ISING, states, energy)
    assert (worth.time, worth.num_independent, worth.interval) == (None, None, None)
    assert "20 times as long as the autocorrelation time. Received: 60 steps" in worth.reason
    still = independence(ISING, np.zeros((60, 8, 4, 4), np.uint8), np.zeros((60, 8)))
    assert still.reason == "the sheets never change"
    free = independence(ISING, rng.integers(0, 2, (400, 8, 4, 4)).astype(np.uint8), rng.normal(size=(400, 8)))
    low, high = free.interval
    assert low <= free.num_independent <= high <= 3200
    assert free.num_independent > 2400
