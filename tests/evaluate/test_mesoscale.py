"""Large sheets judged at one energy each: real ones matched, fluctuations compared, faults of generators seen."""

import dataclasses
import json
import math

import numpy as np
import pytest

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.evaluate.mesoscale.__main__ import main
from rugan_tf.evaluate.mesoscale.comparison import (
    BeforeRepair,
    MesoscaleComparison,
    energies_of,
)
from rugan_tf.evaluate.mesoscale.content import as_content, lines, table_of
from rugan_tf.evaluate.mesoscale.matched import MatchedSource
from rugan_tf.evaluate.mesoscale.measures import Scope, fluctuations, foretell, measure_set
from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions

GRAPHENE = system_named("porous_graphene")


class AtomCount:
    """An energy of -1 eV for each atom, of all sheets at once."""

    origin = EnergyOrigin("atom count", "the empty sheet", "atom count, in eV relative to the empty sheet")
    is_fast = True

    def energies(self, states, work=None):
        return -GRAPHENE.num_atoms(states).astype(float)


class NotToBeAsked(AtomCount):
    def energies(self, states, work=None):
        pytest.fail("energies that are kept must not be computed")


def judged(states):
    return GRAPHENE.energy_per_area(AtomCount().energies(states), *states.shape[1:])


@pytest.fixture(scope="module")
def drawn():
    """Real sheets of 8x8 cells with their energies, and metadata that tell how they were drawn."""
    states = draw_sheets(GRAPHENE, 2000, 8, 8, 0, PoreOptions())
    metadata = {
        "system": "porous_graphene",
        "energy": AtomCount.origin.description,
        "options": {"pores": dataclasses.asdict(PoreOptions())},
    }
    return DataSet(states, judged(states), metadata)


def source(drawn, cache=None, tolerance=0.02):
    return MatchedSource(drawn, AtomCount(), tolerance, cache)


@pytest.mark.parametrize("size", [(8, 8), (16, 16)])
def test_real_sheets_have_the_energy_wanted_in_two_sets_that_share_none(drawn, size):
    wanted = energies_of(drawn)
    assert len(wanted) == 3
    assert wanted == sorted(wanted)
    for energy, sets in zip(wanted, source(drawn).find(wanted, 10, *size), strict=True):
        both = np.concatenate(sets)
        assert both.shape == (20, *size)
        assert np.abs(judged(both) - energy).max() <= 0.02
        assert len(np.unique(both, axis=0)) == 20


def test_no_real_sheets_where_none_can_be_had(drawn):
    untold = dataclasses.replace(drawn, metadata={"system": "porous_graphene"})
    assert source(untold).find([-0.3], 4, 16, 16) == [None]
    assert source(drawn).find([0.5], 4, 8, 8) == [None]  # no sheet has more than no atoms


def test_real_sheets_are_kept_and_only_what_lacks_is_searched(drawn, tmp_path):
    cache = tmp_path / "real.npz"
    first = source(drawn, cache).find([-0.3], 4, 16, 16)
    known = MatchedSource(drawn, NotToBeAsked(), 0.02, cache)
    np.testing.assert_array_equal(known.find([-0.3], 4, 16, 16)[0], first[0])
    fewer = known.find([-0.3], 3, 16, 16)[0]
    np.testing.assert_array_equal(fewer.second, first[0].second[:3])
    with pytest.raises(pytest.fail.Exception, match="must not be computed"):
        known.find([-0.3], 5, 16, 16)
    source(drawn, cache).find([-0.25], 4, 16, 16)
    np.testing.assert_array_equal(known.find([-0.3], 4, 16, 16)[0], first[0])


def test_kept_sheets_of_another_tolerance_or_data_are_refused(drawn, tmp_path):
    cache = tmp_path / "real.npz"
    source(drawn, cache).find([-0.3], 2, 8, 8)
    with pytest.raises(InputError, match=r"same data, judge and tolerance. Received: .*, with another tolerance"):
        source(drawn, cache, tolerance=0.03).find([-0.3], 2, 8, 8)
    other = dataclasses.replace(drawn, energy_per_area=drawn.energy_per_area + 0.001)
    with pytest.raises(InputError, match="with another data_sha256"):
        source(other, cache).find([-0.3], 2, 8, 8)


def test_small_sheets_foretell_how_large_real_ones_fluctuate():
    small, large = (draw_sheets(GRAPHENE, 1200, *size, 0, PoreOptions()) for size in ((14, 16), (28, 32)))
    scope = Scope(GRAPHENE, (14, 16), (28, 32))
    measured = fluctuations(scope, large[np.abs(judged(large) + 0.27) < 0.02])
    foretold = foretell(scope, small[np.abs(judged(small) + 0.27) < 0.02])
    for known, guess in zip((*measured.bands, *measured.windows), (*foretold.bands, *foretold.windows), strict=True):
        assert guess.value == pytest.approx(known.value, rel=0.12)
    assert foretell(scope, small[:1]) is None


def comparison(scope, drawn, states, wanted):
    real = source(drawn).find([wanted], len(states), *scope.sheet)[0]
    first, second = (measure_set(scope, one, judged(one)) for one in real)
    foretold = foretell(scope, drawn.states[np.abs(drawn.energy_per_area - wanted) < 0.02])
    ours = measure_set(scope, states, judged(states))
    return MesoscaleComparison(scope, wanted, ours, (first, second), foretold, BeforeRepair(0.0, 1.0, 1.0))


def test_mosaic_of_small_sheets_of_one_energy_is_seen_not_to_fluctuate(drawn):
    """Each quarter has the energy wanted: what a generator does that asks the same of every window."""
    wanted, scope = energies_of(drawn)[1], Scope(GRAPHENE, (8, 8), (16, 16))
    quarters = drawn.states[np.abs(drawn.energy_per_area - wanted) < 0.02][:60].reshape(15, 2, 2, 8, 8)
    mosaic = quarters.transpose(0, 1, 3, 2, 4).reshape(15, 16, 16)
    one = comparison(scope, drawn, mosaic, wanted)
    found = {line.name: line for line in lines(one)}
    long_waves = next(line for name, line in found.items() if name.startswith("S, 0.00 < k"))
    windows = found["sd of training-size windows: ratio"]
    assert long_waves.generated < 0.6
    assert windows.generated < 0.75
    for line in (long_waves, windows):
        assert line.yardstick == pytest.approx(1.0, abs=0.35)
        assert line.foretold > 0.7
    assert found["energy, mean"].generated == pytest.approx(wanted, abs=0.02)


def test_without_real_sheets_what_is_foretold_is_the_measure(drawn):
    wanted, scope = energies_of(drawn)[1], Scope(GRAPHENE, (8, 8), (16, 16))
    states = draw_sheets(GRAPHENE, 6, 16, 16, 1, PoreOptions())
    one = dataclasses.replace(comparison(scope, drawn, states, wanted), real=None)
    content = as_content(one)
    assert set(content["fluctuations"]) == {"generated", "foretold"}
    assert set(content["sets"]) == {"generated"}
    found = {line.name: line for line in lines(one)}
    band, foretold = (content["fluctuations"][side]["bands"][0]["value"] for side in ("generated", "foretold"))
    name = next(name for name in found if name.startswith("S, 0.00 < k"))
    assert found[name].generated == pytest.approx(band / foretold)
    assert found[name].foretold == 1.0
    assert math.isnan(found[name].yardstick)
    assert "edges: total variation" not in found
    alone = dataclasses.replace(one, foretold=None)
    assert not [line for line in lines(alone) if line.name.endswith("ratio")]
    rows = table_of([lines(one), lines(alone)])
    assert {len(row) for row in rows} == {3}
    assert [row[1:] for row in rows if row[0] == name] == [[f"{band / foretold:.3g}", "-"]]


@pytest.fixture
def arguments(model_base, tmp_path):
    states = draw_sheets(GRAPHENE, 300, 4, 4, 0, PoreOptions())
    judge = energy_named(GRAPHENE, "ednn")
    energy_per_area = GRAPHENE.energy_per_area(judge.energies(states), 4, 4)
    metadata = {"system": "porous_graphene", "options": {"pores": dataclasses.asdict(PoreOptions())}}
    write_data_set(tmp_path / "data.npz", DataSet(states, energy_per_area, metadata))
    return ["--model", str(model_base), "--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "out")]


def test_command_writes_numbers_and_figures_and_prints_a_table(arguments, tmp_path, capsys):
    real = tmp_path / "real.npz"
    assert (
        main([*arguments, "--num-sheets", "3", "--energies", "-3", "-2.5", "--scales", "2", "--real", str(real)]) == 0
    )
    content = json.loads((tmp_path / "out" / "mesoscale.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mesoscale.json", "mesoscale_2x2.png"}
    assert real.exists()
    for wanted, one in zip((-3, -2.5), content["scales"]["2x2"], strict=True):
        assert one["energy_per_area"] == wanted
        assert set(one["fluctuations"]) == {*one["sets"], "foretold"} == {"generated", "real", "real_2", "foretold"}
        assert {held["num_sheets"] for held in one["sets"].values()} == {3}
        assert one["sets"]["real"]["energy_mean"] == pytest.approx(wanted, abs=0.1)
    printed = capsys.readouterr().out
    assert "2x2: generated (another set of real sheets)" in printed
    assert "sd of training-size windows: ratio" in printed
    assert max(map(len, printed.splitlines()[:-1])) <= 80


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--scales", "0"], "scales must be different, and at least 1"),
        (["--num-sheets", "1"], "num_sheets must be at least 2"),
        (["--num-sheets", "2", "3", "4"], "one for each of 2 scales"),
        (["--energies", "nan"], "energies must be finite and different"),
        (["--tolerance", "0"], "tolerance must be positive"),
        (["--real", "real.txt"], "real must be an .npz file"),
        (["--seed", "-1"], "seed must not be negative"),
    ],
)
def test_options_that_cannot_be_exit_with_2(arguments, tmp_path, capsys, further, message):
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, *further])
    assert stopped.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
