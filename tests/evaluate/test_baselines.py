"""What the composition alone gives, and baselines without learning, against energies that are made up exactly."""

import numpy as np
import pytest

from rugan_tf.evaluate.baselines import baselines, tiled_sheets
from rugan_tf.evaluate.composition import CUBIC, LINE, CompositionFit, at_fixed_composition, composition
from rugan_tf.evaluate.pools import Pool
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


def vacant(states):
    return 1 - GRAPHENE.num_atoms(states) / (2 * states[0].size)


class Cubic:
    """An energy per area that is a cubic in the share of vacant sites, and nothing else."""

    is_fast = True

    def energies(self, states, work=None):
        share = vacant(states)
        return (-4 + 5 * share - 2 * share**2 + share**3) * GRAPHENE.area(*states.shape[1:])


def per_area(states):
    return GRAPHENE.energy_per_area(Cubic().energies(states), *states.shape[1:])


@pytest.fixture(scope="module")
def sheets():
    rng = np.random.default_rng(0)
    is_whole = rng.random((400, 4, 6)) < rng.random((400, 1, 1))
    return np.where(is_whole, 3, rng.integers(0, 4, is_whole.shape)).astype(np.uint8)


def test_composition_is_the_share_of_each_kind(sheets):
    np.testing.assert_allclose(composition(GRAPHENE, sheets)[:, 0], 1 - composition_of_first_kind(sheets))


def composition_of_first_kind(states):
    """The kind of number 0 is what the first state holds: nothing."""
    return vacant(states)


def test_cubic_in_the_composition_is_found_and_a_line_is_not_enough(sheets):
    known = per_area(sheets)
    cubic = CompositionFit.of(GRAPHENE, sheets[:200], known[:200], degree=CUBIC)
    np.testing.assert_allclose(cubic.energy_per_area(sheets[200:]), known[200:])
    line = CompositionFit.of(GRAPHENE, sheets[:200], known[:200], degree=LINE)
    assert np.abs(line.energy_per_area(sheets[200:]) - known[200:]).max() > 0.01


def test_energy_beyond_the_composition_is_told_apart_from_a_wrong_composition(sheets):
    rng = np.random.default_rng(1)
    fit = CompositionFit.of(GRAPHENE, sheets, per_area(sheets), degree=CUBIC)
    ours, real = sheets[:200], sheets[200:]
    offset = np.where(np.arange(200) % 2, 0.04, 0.02)
    wrong = rng.normal(scale=0.1, size=200)
    found = at_fixed_composition(fit, (ours, per_area(ours) + offset), per_area(ours) + wrong, (real, per_area(real)))
    assert found["generated_mean"] == pytest.approx(0.03)
    assert found["generated_sd"] == pytest.approx(0.01)
    assert found["real_sd"] == pytest.approx(0, abs=1e-9)
    assert found["ks_statistic"] == 1.0
    assert found["error_by_composition"] > 0.95
    beyond = at_fixed_composition(fit, (ours, per_area(ours) + wrong), per_area(ours), (real, per_area(real)))
    assert not beyond["error_by_composition"] > 0.1


def test_baselines_of_an_energy_that_the_composition_decides(sheets):
    data_set = DataSet(sheets, per_area(sheets), {"system": "porous_graphene"})
    pools = tuple(Pool(sheets[start::2], per_area(sheets[start::2])) for start in (0, 1))
    requested = np.linspace(-3.6, -2.6, 20)
    found = baselines(data_set, requested, pools, Cubic())
    assert found["composition_cubic"]["r2"] == pytest.approx(1.0)
    assert found["composition_line"]["r2"] < 0.9999
    by_energy, by_composition = found["nearest_energy"], found["nearest_composition"]
    assert by_energy["mae"] == pytest.approx(by_composition["mae"], abs=1e-6)
    assert by_energy["r2"] > 0.99
    assert found["tiled"] is None


def test_tiled_sheets_have_the_energy_per_area_of_the_small_ones(sheets):
    data_set = DataSet(sheets, per_area(sheets), {"system": "porous_graphene"})
    large = np.tile(sheets[:40], (1, 2, 2))
    pools = Pool(large[::2], per_area(large[::2])), Pool(large[1::2], per_area(large[1::2]))
    requested = per_area(sheets)[:5]
    found = baselines(data_set, requested, pools, Cubic())
    assert found["tiled"]["mae"] == pytest.approx(0, abs=1e-9)
    tiled = tiled_sheets(data_set, requested, 8, 12)
    np.testing.assert_array_equal(tiled[:, 4:, :6], tiled[:, :4, 6:])
    assert tiled_sheets(data_set, requested, 6, 12) is None

    class Slow(Cubic):
        is_fast = False

    assert baselines(data_set, requested, pools, Slow())["tiled"] is None
