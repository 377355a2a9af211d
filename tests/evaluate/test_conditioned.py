"""An evaluation by conditions: numbers worked by hand, and the whole command on a generator that counts."""

import csv
import json

import numpy as np
import pytest
from conditioned_model import write_counting_model

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.evaluate import condition_judges
from rugan_tf.evaluate.__main__ import main
from rugan_tf.evaluate.conditioned import agreement, r2_at_fixed_others
from rugan_tf.formats.data_set import DataSet, read_arrays, write_data_set
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions

GRAPHENE = system_named("porous_graphene")
ATOMS = np.array([0, 1, 1, 2])


def test_r2_at_fixed_others_takes_out_what_the_others_foretell():
    rng = np.random.default_rng(0)
    first = rng.uniform(-1, 1, 5000)
    left = 0.1 * rng.normal(size=5000)
    values = np.stack([first, 3 + 2 * first**3 - first + left], axis=1)
    requested = values[:1000]
    foretold = requested[:, 1] - left[:1000]
    assert r2_at_fixed_others(values, requested, requested[:, 1], 1) == 1.0
    # Who gets the first condition right, and nothing of the second beyond what that foretells, obtains nothing.
    assert r2_at_fixed_others(values, requested, foretold, 1) == pytest.approx(0, abs=0.01)
    assert 1 - np.var(left[:1000]) / np.var(requested[:, 1]) > 0.9  # though R^2 is high
    half = foretold + 0.5 * left[:1000]
    assert r2_at_fixed_others(values, requested, half, 1) == pytest.approx(0.75, abs=0.01)


def test_one_condition_has_no_others_and_what_nothing_tells_has_no_metrics():
    values = np.arange(6.0)[:, None]
    told = agreement(values, values, values[:, 0] + 0.5, 0)
    assert told["mae"] == 0.5
    assert np.isnan(told["r2_at_fixed_others"])
    assert agreement(values, values, None, 0) is None


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Small sheets with a number of their own that goes with their porosity."""
    states = draw_sheets(GRAPHENE, 60, 4, 4, seed=0, options=PoreOptions(max_radius=2.0))
    atoms = ATOMS[states].sum(axis=(1, 2))
    path = tmp_path_factory.mktemp("data") / "data.npz"
    gap = 1.0 - atoms / 32 + 0.01 * np.arange(60)
    write_data_set(path, DataSet(states, -0.1 * atoms, {"system": GRAPHENE.name, "energy": "made-up"}, {"gap": gap}))
    return path


def test_the_command_judges_what_can_be_told_and_says_of_the_rest_that_nothing_does(data, tmp_path, capsys):
    model = write_counting_model(tmp_path / "model", data)
    words = ["--model", str(model), "--data", str(data), "--out", str(tmp_path / "out"), "--num-samples", "30"]
    assert main([*words, "--scales", "1", "2"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "gap: nothing judges it" in printed
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("data:image/png;base64,") == 2  # of the porosity, at both sizes
    assert "http" not in page
    assert "gap: nothing judges it" in page
    content = json.loads((tmp_path / "out/metrics.json").read_text())
    assert content["energy"] is None
    assert content["scales"]["2x2"]["conditions"]["gap"] is None
    for name, cells in (("1x1", 16), ("2x2", 64)):
        arrays = read_arrays(
            tmp_path / f"out/samples_{name}.npz", ("states", "porosity_requested", "porosity_obtained")
        )
        counted = 1 - ATOMS[arrays["states"]].sum(axis=(1, 2)) / (2 * cells)
        np.testing.assert_allclose(arrays["porosity_obtained"], counted)
        assert set(arrays["porosity_requested"]) <= {round(number / 32, 12) for number in range(33)}
        told = content["scales"][name]["conditions"]["porosity"]
        assert told["mae"] == pytest.approx(np.abs(counted - arrays["porosity_requested"]).mean())
        assert told["r2_at_fixed_others"] is not None
        with (tmp_path / f"out/samples_{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [float(row["porosity_obtained"]) for row in rows] == counted.tolist()
        assert (tmp_path / f"out/porosity_{name}.png").is_file()
        assert not (tmp_path / f"out/gap_{name}.png").exists()


def test_data_without_the_condition_are_refused(data, tmp_path, capsys):
    model = write_counting_model(tmp_path / "model", data)
    bare = DataSet(*(read_arrays(data, ("states", "energy_per_area")).values()), {"system": GRAPHENE.name})
    write_data_set(tmp_path / "bare.npz", bare)
    out = ["--out", str(tmp_path / "out"), "--num-samples", "4"]
    assert main(["--model", str(model), "--data", str(tmp_path / "bare.npz"), *out]) == 2
    assert "must be one that the data have: energy_per_area, porosity. Received: 'gap'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Judge:
    """-2 for each atom, said to be of a property."""

    origin = EnergyOrigin("gap", "0", "gap: a property")

    def energies(self, states, work):
        return -2.0 * ATOMS[states].sum(axis=(1, 2))


def test_an_ednn_of_a_property_judges_it(data, tmp_path, monkeypatch, capsys):
    model = write_counting_model(tmp_path / "model", data)
    monkeypatch.setattr(condition_judges, "energy_named", lambda system, spec: {"ednn:here": Judge()}[spec])
    words = ["--model", str(model), "--data", str(data), "--out", str(tmp_path / "out"), "--num-samples", "10"]
    assert main([*words, "--scales", "2", "--judges", "gap=here"]) == 0
    arrays = read_arrays(tmp_path / "out/samples_2x2.npz", ("states", "gap_obtained"))
    expected = -2.0 * ATOMS[arrays["states"]].sum(axis=(1, 2)) / GRAPHENE.area(8, 8)
    np.testing.assert_allclose(arrays["gap_obtained"], expected)
    for text, message in (
        ("other=here", "A judge must be NAME=FOLDER of porosity, gap. Received: 'other=here'"),
        ("porosity=here", "A judge of porosity must be trained on it. Received: one of gap"),
    ):
        assert main([*words, "--overwrite", "--judges", text]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("further", "names"),
    [
        (["--num-direct", "4", "--judge", "tight-binding"], "--num-direct, --judge"),
        (["--num-structures", "2", "--num-nearest", "2"], "--num-structures, --num-nearest"),
        (["--num-monte-carlo", "2", "--monte-carlo-steps", "3"], "--num-monte-carlo, --monte-carlo-steps"),
        (["--matched", "4", "--matched-energies", "-2", "--real", "real.npz"], "--matched, --matched-energies, --real"),
    ],
)
def test_options_of_the_energy_alone_are_refused_by_name(data, tmp_path, capsys, further, names):
    model = write_counting_model(tmp_path / "model", data)
    words = ["--model", str(model), "--data", str(data), "--out", str(tmp_path / "out"), "--num-samples", "10"]
    assert main([*words, *further]) == 2
    rule = "Options for models that are asked for the energy alone must be left out. Received: "
    assert capsys.readouterr().err == f"rugan evaluate: {rule}{names}\n"
    assert not (tmp_path / "out").exists()


def test_what_asks_for_nothing_is_no_contradiction_but_a_judge_of_no_energy_is(data, tmp_path, capsys):
    model = write_counting_model(tmp_path / "model", data)
    words = ["--model", str(model), "--data", str(data), "--out", str(tmp_path / "out"), "--num-samples", "10"]
    none = ["--num-structures", "0", "--num-nearest", "0", "--matched", "0", "--num-direct", "0"]
    assert main([*words, *none, "--scales", "1"]) == 0
    assert main([*words, "--overwrite", "--energy", "tight-binding"]) == 2
    assert "needs a condition that holds one" in capsys.readouterr().err
