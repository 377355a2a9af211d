"""What the composition alone gives, and baselines without learning, against energies that are made up exactly."""

import numpy as np
import pytest

from rugan_tf.evaluate.baselines import baselines, tiled_sheets
from rugan_tf.evaluate.composition import CUBIC, LINE, CompositionFit, at_fixed_composition, composition
from rugan_tf.evaluate.metrics import agreement
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


def test_composition_counts_every_kind_but_the_first():
    hybrid = system_named("boron_nitride")
    states = np.random.default_rng(4).integers(0, hybrid.num_states, (5, 4, 6), np.uint8)
    names = list(dict.fromkeys(name for state in hybrid.species for name in state))
    assert len(names) == 3
    expected = [
        [sum(hybrid.species[state].count(name) for state in sheet.ravel()) / (2 * sheet.size) for name in names[1:]]
        for sheet in states
    ]
    np.testing.assert_allclose(composition(hybrid, states), expected)


def test_real_and_generated_sheets_are_not_mixed_up_beyond_the_composition(sheets):
    fit = CompositionFit.of(GRAPHENE, sheets, per_area(sheets), degree=CUBIC)
    ours, real = sheets[:200], sheets[200:]
    offset = np.where(np.arange(200) % 4, 0.01, -0.02)
    found = at_fixed_composition(fit, (ours, per_area(ours) + 0.03), per_area(ours), (real, per_area(real) + offset))
    assert found["generated_mean"] == pytest.approx(0.03)
    assert found["generated_sd"] == pytest.approx(0, abs=1e-9)
    assert found["real_mean"] == pytest.approx(0.0025)
    assert found["real_sd"] == pytest.approx(np.std([0.01, 0.01, 0.01, -0.02]))
    assert found["ks_pvalue"] < 1e-50


def one_each(known, requested):
    """The nearest of the known values for each request in turn, none twice, by looking at all of them."""
    free, found = list(range(len(known))), []
    for value in requested:
        found.append(min(free, key=lambda index: abs(known[index] - value)))
        free.remove(found[-1])
    return found


def test_each_baseline_takes_its_own_sheets(sheets):
    """Odd sheets of the data and both pools have energies beyond the composition, each its own."""
    rng = np.random.default_rng(6)
    known = per_area(sheets) + np.where(np.arange(400) % 2, 0.5, 0.0)
    data_set = DataSet(sheets, known, {"system": "porous_graphene"})
    fits = {name: np.polyfit(vacant(sheets[::2]), known[::2], degree) for name, degree in (("line", 1), ("cubic", 3))}
    _, of_each = np.unique(vacant(sheets[150:]), return_index=True)  # of equals any may be taken
    first, second = (
        Pool(part, per_area(part) + rng.normal(offset, 0.05, len(part)))
        for part, offset in ((sheets[:150], 0.2), (sheets[150:][of_each], 0.1))
    )
    requested = np.linspace(-3.6, -2.6, 20)
    found, spread = baselines(data_set, requested, (first, second), Cubic()), known.std()
    told = {name: np.polyval(fit, vacant(second.states)) for name, fit in fits.items()}
    for name, values in told.items():
        expected = agreement(second.energy_per_area, values, spread)
        assert found[f"composition_{name}"] == pytest.approx(expected, abs=1e-9)
    for name, values in (("nearest_composition", told["cubic"]), ("nearest_energy", second.energy_per_area)):
        expected = agreement(requested, second.energy_per_area[one_each(values, requested)], spread)
        assert found[name] == pytest.approx(expected, abs=1e-9)
    assert len({round(found[name]["mae"], 6) for name in found if found[name]}) == 4


def test_a_sheet_is_repeated_as_often_along_rows_and_columns_as_each_needs(sheets):
    data_set = DataSet(sheets, per_area(sheets), {"system": "porous_graphene"})
    requested = np.array([-3.5, -2.8])
    tiled = tiled_sheets(data_set, requested, 8, 18)
    assert tiled.shape == (2, 8, 18)
    for sheet, value in zip(tiled, requested, strict=True):
        small = sheets[np.abs(data_set.energy_per_area - value).argmin()]
        assert all(sheet[row, col] == small[row % 4, col % 6] for row, col in np.ndindex(8, 18))
    assert tiled_sheets(data_set, requested, 4, 6) is None
    assert tiled_sheets(data_set, requested, 8, 15) is None


def test_the_share_of_a_wrong_composition_is_a_squared_correlation(sheets):
    fit = CompositionFit.of(GRAPHENE, sheets, per_area(sheets), degree=CUBIC)
    ours, real = sheets[:200], sheets[200:]
    rng = np.random.default_rng(8)
    requested, obtained = per_area(ours) + rng.normal(0, 0.1, 200), per_area(ours) + rng.normal(0, 0.1, 200)
    found = at_fixed_composition(fit, (ours, obtained), requested, (real, per_area(real)))
    expected = np.corrcoef(per_area(ours) - requested, obtained - requested)[0, 1] ** 2
    assert 0.3 < expected < 0.7
    assert found["error_by_composition"] == pytest.approx(expected)
