"""A judge that tells how well it knows energies: the error in files, in the report and in the table."""

import csv
import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from rugan_tf.energies.function import Work
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.evaluate import scale_metrics
from rugan_tf.evaluate.__main__ import show
from rugan_tf.evaluate.condition_judges import Judges
from rugan_tf.evaluate.conditioned import ConditionedSamples, lines_of, measure
from rugan_tf.evaluate.evaluation import evaluate
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.systems.conditions import CellSum, Condition
from rugan_tf.systems.energy import EnergyOrigin, Estimate


@dataclasses.dataclass(frozen=True)
class Noisy:
    """An energy for each atom, eV, and a standard error for each, too."""

    per_atom: float = -1.0
    error: float = 0.01
    origin = EnergyOrigin("atom count", "the empty sheet", "atom count, in eV relative to the empty sheet")

    def __call__(self, states):
        return self.with_error(states).energy

    def with_error(self, states):
        number = float(((states & 1) + (states >> 1)).sum())
        return Estimate(self.per_atom * number, self.error * number)


class Silent:
    """The same energy without an error."""

    origin = Noisy.origin

    def __call__(self, states):
        return Noisy()(states)


@pytest.fixture
def options(model_base, tmp_path):
    return EvaluateOptions(
        model=model_base, data=tmp_path / "data.npz", out=tmp_path / "out", num_samples=(6, 3), processes=1, matched=0,
        num_structures=(0,), num_nearest=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(model_base):
    return SheetModel.load(model_base)


def test_the_error_stands_in_files_report_and_table(model, data_set, options, capsys):
    content = evaluate(model, data_set, OneByOne(Noisy()), options)
    assert json.loads((options.out / "metrics.json").read_text()) == content
    page = (options.out / "report.html").read_text()
    show(content)
    printed = " ".join(capsys.readouterr().out.split())
    for name, scale in content["scales"].items():
        with np.load(options.out / f"samples_{name}.npz", allow_pickle=False) as samples:
            number = model.system.num_atoms(samples["states"])
            errors = 0.01 * number / model.system.area(scale["rows"], scale["cols"])
            np.testing.assert_allclose(samples["standard_error"], errors)
        of_mean = np.sqrt(np.square(errors).sum()) / len(errors)
        assert scale["standard_error"] == pytest.approx(np.sqrt(np.square(errors).mean()))
        assert scale["standard_error_of_mean"] == pytest.approx(of_mean)
        assert of_mean > 1e-4  # five digits show it
        with (options.out / f"samples_{name}.csv").open(newline="") as file:
            assert [float(line["standard_error"]) for line in csv.DictReader(file)] == pytest.approx(errors.tolist())
        for text in (f"{scale['mae']:.5f} ± {of_mean:.5f}", f"{scale['bias']:+.5f} ± {of_mean:.5f}"):
            assert text in page
            assert text in printed
    assert "mean absolute error ± standard error of the judge (eV/Å²)" in page
    assert "Behind ± stands what the judge leaves open" in page


def test_nothing_changes_for_a_judge_without_an_error(model, data_set, options, capsys):
    content = evaluate(model, data_set, OneByOne(Silent()), options)
    show(content)
    assert "±" not in capsys.readouterr().out + (options.out / "report.html").read_text()
    assert not [key for scale in content["scales"].values() for key in scale if "standard_error" in key]
    with np.load(options.out / "samples_1x1.npz", allow_pickle=False) as samples:
        assert sorted(samples.files) == ["obtained", "requested", "states"]


@pytest.mark.parametrize(("first", "mev"), [(Silent(), 20.0), (Noisy(error=0.015), 25.0)])
def test_an_independent_judge_tells_its_error_for_each_atom(model, data_set, options, monkeypatch, first, mev):
    """Of n atoms the judges err by 0.02 n and 0.015 n eV: by 20 meV/atom, and both by 25, as of a right triangle."""
    judge = OneByOne(Noisy(per_atom=-0.9, error=0.02))
    monkeypatch.setattr(scale_metrics, "energy_named", lambda system, spec: {"noisy": judge}[spec])
    some = dataclasses.replace(options, num_direct=(4, 0), judge="noisy")
    content = evaluate(model, data_set, OneByOne(first), some)
    direct = content["scales"]["1x1"]["direct"]
    assert direct["mae_mev_per_atom"] == pytest.approx(100.0)
    assert direct["standard_error_mev_per_atom"] == pytest.approx(mev)
    assert direct["standard_error_of_mean_mev_per_atom"] == pytest.approx(mev / 2)
    page = (options.out / "report.html").read_text()
    assert f"<td>100.00 ± {mev / 2:.2f}</td><td>-</td>" in page
    assert f"standard error of the judges for one sheet (meV/atom)</td><td>{mev:.2f}</td>" in page


def test_a_condition_has_the_error_of_the_energy_times_what_it_holds_of_it(graphene):
    """Of two sheets with 32 and 16 atoms; a porosity is exact, and a number of the data has another judge."""
    rules = {"formation": CellSum(-2.0, (1.0, 0.0, 0.0, 0.0)), "porosity": CellSum(0.0, (1.0, 0.5, 0.5, 0.0)),
             "gap": None, "told": CellSum(1.0, (0.0,) * 4)}  # fmt: skip
    each = [SimpleNamespace(condition=Condition(name, name, "", rule)) for name, rule in rules.items()]
    learnt = SimpleNamespace(each=each, names=tuple(rules))

    def obtained(states, energy_per_area):
        return {name: rule.values(states, energy_per_area) for name, rule in rules.items() if rule is not None}

    model = SimpleNamespace(learnt=learnt, obtained=obtained, model=SimpleNamespace(system=graphene))
    states = np.stack([np.full((4, 4), 3, np.uint8), np.full((4, 4), 1, np.uint8)])
    judges = Judges(model, OneByOne(Noisy()), {"told": OneByOne(Silent())})
    told = judges.told(states, Work(processes=1))
    of_energy = 0.01 * np.array([32, 16]) / graphene.area(4, 4)
    assert set(told.errors) == {"formation"}
    np.testing.assert_allclose(told.errors["formation"], 2 * of_energy)
    assert set(told.values) == {"formation", "porosity", "told"}
    assert Judges(model, OneByOne(Silent()), {}).told(states, Work(processes=1)).errors == {}

    values = np.stack([told.values[name] + 1 if name in told.values else np.arange(2.0) for name in rules], axis=1)
    samples = ConditionedSamples(1, states, states, values, told.values, told.values, told.errors, {})
    content = {"conditions": {name: {"words": name, "unit": ""} for name in rules}}
    content["scales"] = {"1x1": measure(model, values, samples)}
    found = content["scales"]["1x1"]["conditions"]
    of_mean = 2 * np.sqrt(np.square(of_energy).sum()) / 2
    assert found["formation"]["standard_error_of_mean"] == pytest.approx(of_mean)
    assert "standard_error" not in found["porosity"]
    lines = dict(lines_of(content))
    assert lines["formation: MAE"] == [f"1.0000 ± {of_mean:.4f}"]
    assert lines["formation: MAE, raw"] == lines["porosity: MAE"] == ["1.0000"]
