"""The cross-check of a reference with other methods, on tiny sheets."""

import json

import numpy as np
import pytest

from rugan_tf.data.__main__ import main as data
from rugan_tf.ednn.__main__ import main
from rugan_tf.ednn.cross_check import Method, Sheets, comparison, described, fitted_constant
from rugan_tf.ednn.cross_check_figure import cross_figure, short_name
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
LJ = "ase:ase.calculators.lj:LennardJones"
EMT = "ase:ase.calculators.emt:EMT"
# A calculator that fails once, for the first sheet that it is asked for, and leaves a file for each call.
FLAKY = """
import pathlib, uuid
from ase.calculators.lj import LennardJones

class Flaky(LennardJones):
    def calculate(self, *args, **kwargs):
        folder = pathlib.Path({folder!r})
        (folder / str(uuid.uuid4())).touch()
        try:
            (folder.parent / "failed").touch(exist_ok=False)
        except FileExistsError:
            return super().calculate(*args, **kwargs)
        raise RuntimeError("it fell over")
"""


def test_comparison_finds_the_line_between_two_methods():
    rng = np.random.default_rng(0)
    density = rng.uniform(0.1, 0.4, 20)
    rest = rng.normal(size=20)
    first, second = rest - 9.0 * density, 1.5 * rest - 50.0 * density
    values = comparison((first, rest), (second, 1.5 * rest), density, "mev_per_atom")
    assert values["pearson_r_beyond_atoms"] == pytest.approx(1.0)
    assert values["slope_beyond_atoms"] == pytest.approx(1.5)
    assert values["pearson_r"] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert values["slope"] == pytest.approx(np.polyfit(first, second, 1)[0])
    assert values["mae_mev_per_atom_beyond_atoms"] == pytest.approx(1000 * np.mean(abs(0.5 * rest) / density))
    second[3] = np.nan
    less = comparison((first, rest), (second, 1.5 * rest), density, "mev_per_atom")
    assert (values["num_sheets"], less["num_sheets"]) == (20, 19)
    assert less["slope_beyond_atoms"] == pytest.approx(1.5)


def test_the_constant_of_an_atom_is_of_the_sheets_that_have_an_energy():
    atoms = np.array([4.0, 6.0, 8.0])
    assert fitted_constant(-7.25 * atoms, atoms) == pytest.approx(-7.25)
    assert fitted_constant(np.array([-29.0, np.nan, -58.0]), atoms) == pytest.approx(-7.25)


def energies_of(states, per_atom, per_edge):
    from rugan_tf.systems.porous_graphene.statistics import edge_counts

    return per_atom * GRAPHENE.num_atoms(states) + per_edge * edge_counts(states).sum(axis=1)


def test_what_is_left_beyond_atoms_comes_from_the_full_sheet():
    """Two methods with other constants of an atom, whose edges cost 1 and 2 eV an atom."""
    named = GRAPHENE.known_sheets(6, 8)
    known = Sheets(np.stack(list(named.values())), tuple(named))
    plain = Sheets(GRAPHENE.draw_states(np.random.default_rng(1), 8, 6, 8, GRAPHENE.drawing))
    sheets = [known, plain]
    reference, other = (
        Method(
            name,
            EnergyOrigin(name, None, name),
            [energies_of(of_size.states, per_atom, per_edge) for of_size in sheets],
            1.0,
        )
        for name, per_atom, per_edge in (("one", -9.0, 1.0), ("two", -50.0, 2.0))
    )
    content = described(GRAPHENE, sheets, reference, [other])
    assert (content["sheets"], content["zero_of_atoms"]) == (8, "the sheet of all sites")
    (found,) = content["methods"]
    assert found["slope_beyond_atoms"] == pytest.approx(2.0)
    assert found["pearson_r_beyond_atoms"] == pytest.approx(1.0)
    assert content["known_sheets"]["monovacancy, 6x8"] == pytest.approx({"one": 3.0, "two": 6.0})
    assert content["known_sheets"]["pristine, 6x8"] == pytest.approx({"one": 0.0, "two": 0.0}, abs=1e-9)
    assert content["known_sheets"]["zigzag ribbon, 6x8"]["one"] == pytest.approx(12.0)
    edges = energies_of(plain.states, 0.0, 1.0)
    np.testing.assert_allclose(content["beyond_atoms_per_area"]["one"], edges / GRAPHENE.area(6, 8), atol=1e-12)
    mae = 1000 * np.mean(edges / GRAPHENE.num_atoms(plain.states))
    assert found["mae_mev_per_atom_beyond_atoms"] == pytest.approx(mae)
    (axes,) = cross_figure(GRAPHENE, content).axes
    assert axes.get_xlabel() == "one, beyond atoms (eV/Å²)"
    assert axes.get_ylabel() == "this method, beyond atoms (eV/Å²)"


def test_full_sheet_that_a_method_lacks_gives_no_zero():
    named = GRAPHENE.known_sheets(6, 8)
    sheets = [
        Sheets(np.stack(list(named.values())), tuple(named)),
        Sheets(GRAPHENE.draw_states(np.random.default_rng(1), 8, 6, 8, GRAPHENE.drawing)),
    ]
    reference, other = (
        Method(name, EnergyOrigin(name, None, name), [energies_of(one.states, -9.0, 1.0) for one in sheets], 1.0)
        for name in ("one", "two")
    )
    other.energies[0][0] = np.nan
    content = described(GRAPHENE, sheets, reference, [other])
    assert content["zero_of_atoms"] == "the best fit"
    assert content["known_sheets"]["pristine, 6x8"]["two"] is None
    assert content["methods"][0]["num_sheets"] == 8
    json.dumps(content, allow_nan=False)


def test_energies_of_a_method_are_kept_where_some_failed(tmp_path, monkeypatch, capsys):
    """The same command, with another method in front, computes the failed sheet alone."""
    calls, out = tmp_path / "calls", tmp_path / "cross"
    calls.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "flaky.py").write_text(FLAKY.format(folder=str(calls)))
    command = ["cross-check", "--out", str(out), "--num-sheets", "5", "--rows", "4", "--cols", "4", "--seed", "1"]
    assert main([*command, "--other", "ase:flaky:Flaky"]) == 0
    content = json.loads((out / "cross_check.json").read_text())
    assert content["methods"][0]["num_sheets"] == content["sheets"] - 1
    assert "has not all energies" in capsys.readouterr().err
    first = len(list(calls.iterdir()))
    assert main([*command, "--overwrite", "--other", LJ, "ase:flaky:Flaky"]) == 0
    content = json.loads((out / "cross_check.json").read_text())
    assert content["methods"][1]["num_sheets"] == content["sheets"]
    assert len(list(calls.iterdir())) == first + 1
    assert not list(tmp_path.glob("*.progress"))


def test_cross_check_writes_the_energies_of_every_method(tmp_path, capsys):
    out = tmp_path / "cross"
    options = ["--num-sheets", "6", "--rows", "3", "--cols", "4", "--other", LJ, EMT]
    assert main(["cross-check", "--out", str(out), *options]) == 0
    content = json.loads((out / "cross_check.json").read_text())
    assert [method["name"] for method in content["methods"]] == [LJ, EMT]
    assert content["zero_of_atoms"] == "the best fit"
    assert content["reference"]["description"].startswith("tight-binding")
    assert {len(values) for values in content["energy_per_area"].values()} == {content["sheets"]}
    assert (out / "cross_check.png").stat().st_size > 10_000
    assert not list(tmp_path.glob("*.progress"))
    assert "LennardJones" in capsys.readouterr().out
    assert main(["cross-check", "--out", str(out), *options]) == 2
    assert "must be new or empty" in capsys.readouterr().err


def test_labels_of_data_sets_are_the_reference(tmp_path, capsys):
    known, plain, out = tmp_path / "known.npz", tmp_path / "plain.npz", tmp_path / "cross"
    assert data(["build", "--known", "--rows", "6", "--cols", "6", "--out", str(known), "--processes", "1"]) == 0
    assert data(["build", "--num-sheets", "5", "--rows", "6", "--cols", "8", "--out", str(plain), "--processes=1"]) == 0
    assert read_data_set(known).known_sheets[1] == "monovacancy"
    again = tmp_path / "again.npz"
    assert data(["label", "--states", str(known), "--energy", LJ, "--out", str(again), "--processes", "1"]) == 0
    assert read_data_set(again).known_sheets == read_data_set(known).known_sheets
    assert read_data_set(plain).known_sheets == ()
    assert read_data_set(plain).metadata["seconds_per_sheet"]["all"] > 0
    command = ["cross-check", "--out", str(out), "--data", str(known), str(plain), "--other", "tight-binding"]
    assert main(command) == 0
    content = json.loads((out / "cross_check.json").read_text())
    # The same method twice: everything agrees.
    assert content["methods"][0]["slope_beyond_atoms"] == pytest.approx(1.0, abs=1e-9)
    assert content["known_sheets"]["divacancy, 6x6"]["tight-binding"] > 5
    assert "monovacancy" in capsys.readouterr().out
    assert main([*command, "--overwrite", "--energy", "tight-binding"]) == 2
    assert "must be --data or --energy, not both" in capsys.readouterr().err
    assert main(["cross-check", "--out", str(tmp_path / "n"), "--data", str(known), "--other", "tight-binding"]) == 2
    assert "at least 3 sheets that are not known by name. Received: 0" in capsys.readouterr().err


def test_repeated_sheets_see_k_points(tmp_path):
    """At the Gamma point of a repeated sheet are the twists of the sheet itself."""
    plain, contents = tmp_path / "plain.npz", []
    assert data(["build", "--num-sheets", "4", "--rows", "4", "--cols", "6", "--out", str(plain), "--processes=1"]) == 0
    for repeat in ("1", "2"):
        out = tmp_path / repeat
        options = ["--data", str(plain), "--other", "tight-binding", "--repeat", repeat]
        assert main(["cross-check", "--out", str(out), *options]) == 0
        contents.append(json.loads((out / "cross_check.json").read_text()))
    states = read_data_set(plain).states
    tiled = np.array(
        [GRAPHENE.reference_energies["tight-binding"](np.tile(sheet, (2, 2))) / 4 for sheet in states]
    ) / GRAPHENE.area(4, 6)
    np.testing.assert_allclose(contents[1]["energy_per_area"]["tight-binding"], tiled, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--repeat", "0"], "repeat must be at least 1"),
        (["--other", "tight-binding", "tight-binding"], "other must name methods, each once"),
    ],
)
def test_bad_options_are_refused(tmp_path, capsys, options, message):
    with pytest.raises(SystemExit, match="2"):
        main(["cross-check", "--out", str(tmp_path / "c"), *options])
    assert message in capsys.readouterr().err


def test_names_are_short_above_a_panel():
    assert short_name("tight-binding") == "tight-binding"
    assert short_name('ase:tblite.ase:TBLite:{"method": "GFN1-xTB", "verbosity": 0}') == "TBLite GFN1-xTB"
    assert short_name("ednn:" + "x" * 60) == "..." + "x" * 27
