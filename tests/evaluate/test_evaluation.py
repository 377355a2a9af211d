import csv
import dataclasses
import json

import numpy as np
import pytest

from rugan_tf.energies.named import energy_named
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.evaluate import metrics
from rugan_tf.evaluate.evaluation import evaluate
from rugan_tf.evaluate.monte_carlo import monte_carlo_content
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.samples import ScaleSamples, progress_path, sample_scale
from rugan_tf.evaluate.scale_metrics import direct_progress_path, measure
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.systems.energy import EnergyOrigin

METRICS = {
    "num_samples", "rows", "cols", "ks_statistic", "ks_pvalue", "mae", "rmse", "r2", "pearson_r", "bias",
    "bias_in_sd", "ks_independent_statistic", "ks_independent_pvalue", "raw", "uniform", "patterns", "baselines",
    "monte_carlo", "fixed_composition", "mesoscale", "ks_expected", "intervals_95", "errors_by_energy",
    "validity", "validity_unrepaired",
    "dangling_share_unrepaired", "pieces", "pieces_unrepaired",
    "unrepaired", "uncalibrated", "uniqueness", "novelty", "copies", "nearest",
    "diversity", "structure", "periodicity", "direct", "energy",
}  # fmt: skip


class AtomCount:
    """An energy of -1 eV for each atom."""

    origin = EnergyOrigin("atom count", "the empty sheet", "atom count, in eV relative to the empty sheet")

    def __call__(self, states):
        return -float((states & 1).sum() + (states >> 1).sum())


class Interrupted(AtomCount):
    def __call__(self, states):
        raise KeyboardInterrupt


ATOM_COUNT = OneByOne(AtomCount())


@pytest.fixture(scope="module")
def model(model_base):
    return SheetModel.load(model_base)


@pytest.fixture
def options(model_base, tmp_path):
    return EvaluateOptions(
        model=model_base, data=tmp_path / "data.npz", out=tmp_path / "out", num_samples=(12, 3), processes=1, matched=2
    )


def test_folder_holds_metrics_sheets_and_figures(model, data_set, options):
    content = evaluate(model, data_set, ATOM_COUNT, options)
    assert json.loads((options.out / "metrics.json").read_text()) == content
    assert {path.name for path in options.out.iterdir()} == {
        "metrics.json", "large_sheet.png", "report.html", "samples_1x1.npz", "samples_2x2.npz", "structure_1x1.png",
        "samples_1x1.csv", "samples_2x2.csv", "mesoscale_1x1.png", "mesoscale_2x2.png",
        "energies_1x1.png", "energies_2x2.png", "errors_1x1.png", "errors_2x2.png",
    }  # fmt: skip
    assert not list(options.out.parent.glob("*.progress"))
    assert content["num_samples"] == 12
    assert (content["seed"], content["energy"], content["unit"]) == (0, AtomCount.origin.description, "eV/A^2")
    assert set(content["scales"]) == {"1x1", "2x2"}
    for name, scale in content["scales"].items():
        assert set(scale) == METRICS
        with np.load(options.out / f"samples_{name}.npz", allow_pickle=False) as samples:
            assert samples["states"].shape == (scale["num_samples"], scale["rows"], scale["cols"])
            assert scale["mae"] == pytest.approx(np.abs(samples["obtained"] - samples["requested"]).mean())
            assert np.isin(samples["requested"], data_set.energy_per_area).all()
            num_atoms = model.system.num_atoms(samples["states"])
            area = model.system.area(scale["rows"], scale["cols"])
            np.testing.assert_allclose(samples["obtained"], -num_atoms / area)
            assert_csv_has_the_samples(options.out / f"samples_{name}.csv", samples, num_atoms)
            assert scale["validity"] == metrics.validity(model.system, samples["states"])
            unrepaired = model.generate_unrepaired(samples["requested"], scale["rows"], scale["cols"], seed=0)
            assert scale["validity_unrepaired"] == metrics.validity(model.system, unrepaired)
            assert scale["dangling_share_unrepaired"] == metrics.removed_share(model.system, unrepaired) > 0
    assert (content["scales"]["2x2"]["rows"], content["scales"]["2x2"]["cols"]) == (8, 8)
    assert content["scales"]["2x2"]["novelty"] is None
    assert content["scales"]["1x1"]["novelty"] == 1.0
    assert content["scales"]["1x1"]["uniqueness"] == 1.0


def assert_csv_has_the_samples(path, samples, num_atoms):
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["sheet", "requested", "obtained", "num_atoms", "is_valid"]  # a slow judge judges once
    assert [int(line["sheet"]) for line in lines] == list(range(len(num_atoms)))
    assert [float(line["obtained"]) for line in lines] == samples["obtained"].tolist()
    assert [int(line["num_atoms"]) for line in lines] == num_atoms.tolist()


def test_seed_decides_energies_and_sheets(model, data_set, options):
    first = sample_scale(model, data_set, ATOM_COUNT, 1, options)
    again = sample_scale(model, data_set, ATOM_COUNT, 1, dataclasses.replace(options, out=options.out.parent / "b"))
    other = sample_scale(
        model, data_set, ATOM_COUNT, 1, dataclasses.replace(options, seed=5, out=options.out.parent / "c")
    )
    np.testing.assert_array_equal(first.states, again.states)
    np.testing.assert_array_equal(first.requested, again.requested)
    np.testing.assert_array_equal(first.unrepaired, again.unrepaired)
    assert (first.requested != other.requested).any()
    assert (first.states != other.states).any()
    for samples, seed in ((first, 0), (other, 5)):
        np.testing.assert_array_equal(samples.states, model.generate(samples.requested, 4, 4, seed))
        expected = model.generate_unrepaired(samples.requested, 4, 4, seed)
        np.testing.assert_array_equal(samples.unrepaired, expected)


def measured(model, data_set, samples, options):
    few = dataclasses.replace(options, matched=0)
    return measure(model, data_set, samples, ATOM_COUNT, few).content


def test_unrepaired_metrics_are_those_of_the_sheets_before_repair(model, data_set, options):
    pristine = np.full((4, 4), 3, np.uint8)
    tail = np.zeros((4, 4), np.uint8)
    tail[0, 0] = 3  # two atoms, both dangling
    energies = np.array([-2.0, -1.0])
    samples = ScaleSamples(1, np.stack([pristine] * 2), energies, energies, np.stack([pristine, tail]))
    values = measured(model, data_set, samples, options)
    assert (values["validity"], values["validity_unrepaired"]) == (1.0, 0.5)
    assert values["dangling_share_unrepaired"] == pytest.approx(2 / 34)
    reverse = dataclasses.replace(samples, states=samples.unrepaired, unrepaired=samples.states)
    values = measured(model, data_set, reverse, options)
    assert (values["validity"], values["validity_unrepaired"]) == (0.5, 1.0)
    assert values["dangling_share_unrepaired"] == 0.0
    empty = dataclasses.replace(samples, unrepaired=np.zeros((2, 4, 4), np.uint8))
    assert measured(model, data_set, empty, options)["dangling_share_unrepaired"] is None


def test_interrupted_evaluation_goes_on_and_computes_nothing_twice(model, data_set, options):
    sample_scale(model, data_set, ATOM_COUNT, 1, options)
    assert progress_path(options.out, 1).exists()
    resumed = sample_scale(model, data_set, OneByOne(Interrupted()), 1, options)  # would raise if it computed
    assert np.isfinite(resumed.obtained).all()


def test_constant_energies_give_null_and_not_nan(model, data_set, options):
    class Constant(AtomCount):
        def __call__(self, states):
            return -10.0

    few = dataclasses.replace(options, matched=0, scales=(1,), num_samples=(4,))
    obtained_equal = evaluate(model, data_set, OneByOne(Constant()), few)["scales"]["1x1"]
    assert obtained_equal["pearson_r"] is None
    assert obtained_equal["r2"] < 0  # -10 eV for each sheet is not the mean of what is requested
    assert "NaN" not in (options.out / "metrics.json").read_text()
    one_energy = dataclasses.replace(data_set, energy_per_area=np.full(64, -1.5))
    requested_equal = evaluate(model, one_energy, ATOM_COUNT, dataclasses.replace(few, overwrite=True))
    for name in ("r2", "pearson_r", "bias_in_sd"):
        assert requested_equal["scales"]["1x1"][name] is None
    assert "NaN" not in (options.out / "metrics.json").read_text()


class FastAtomCount:
    """The same, of all sheets at once, so that what is nice to know is computed too."""

    origin = AtomCount.origin
    is_fast = True

    def energies(self, states, work=None):
        return np.array([AtomCount()(sheet) for sheet in states])


def test_raw_energies_and_baselines_stand_beside_what_users_get(model, data_set, options):
    count = -model.system.num_atoms(data_set.states) / model.system.area(4, 4)
    known = dataclasses.replace(data_set, energy_per_area=count)
    few = dataclasses.replace(options, matched=0, scales=(1,), num_samples=(12,))
    samples = sample_scale(model, known, FastAtomCount(), 1, few)
    content = measure(model, known, samples, FastAtomCount(), few).content
    raw = model.generate_unrepaired(samples.requested, 4, 4, seed=0, calibrated=False)
    obtained = -model.system.num_atoms(raw) / model.system.area(4, 4)
    assert content["raw"]["mae"] == pytest.approx(np.abs(obtained - samples.requested).mean())
    assert content["raw"]["ks_independent_pvalue"] == pytest.approx(metrics.ks_test(samples.independent, obtained)[1])
    assert content["baselines"]["num_samples"] == 4  # of 64 sheets, eight of each half for each
    assert content["baselines"]["composition_line"]["r2"] == pytest.approx(1.0)
    assert content["baselines"]["nearest_energy"]["mae"] < content["mae"]
    assert content["fixed_composition"]["generated_sd"] == pytest.approx(0, abs=1e-9)
    assert content["patterns"]["ratio"] > 1  # random states are more various than real ones


class AtomCountNearby(AtomCount):
    """-5 eV for each atom, and it says that it is a sum over cells."""

    reach = (0, 0)

    def __call__(self, states):
        return 5 * super().__call__(states)

    def energies(self, states):
        return np.array([self(sheet) for sheet in states])


def test_monte_carlo_answers_the_same_requests(model, data_set, options):
    few = dataclasses.replace(
        options, matched=0, scales=(1,), num_samples=(12,), num_monte_carlo=(6,), monte_carlo_steps=24
    )
    judge = OneByOne(AtomCountNearby())
    samples = sample_scale(model, data_set, FastAtomCount(), 1, few)
    found = monte_carlo_content(data_set, samples, judge, few)
    assert (found["num_samples"], found["steps"]) == (6, 24)
    assert found["mae"] < 0.1 < samples.requested[:6].std()  # an atom is 0.06
    assert found["seconds_per_sheet"] > 0
    assert monte_carlo_content(data_set, samples, judge, dataclasses.replace(few, num_monte_carlo=(0,))) is None
    with pytest.raises(InputError, match="needs an energy that is a sum over places"):
        evaluate(model, data_set, OneByOne(AtomCount()), few)
    assert not few.out.exists()


def test_undefined_is_none_and_anything_else_itself():
    assert metrics.defined(float("nan")) is None
    assert metrics.defined(float("inf")) is None
    assert (metrics.defined(0.5), metrics.defined(3), metrics.defined("x")) == (0.5, 3, "x")
    assert metrics.defined({"a": [float("nan"), 1.0], "b": (2, float("inf"))}) == {"a": [None, 1.0], "b": [2, None]}


def test_direct_energies_are_those_of_tight_binding(model, data_set, options):
    few = dataclasses.replace(options, matched=0, scales=(1,), num_samples=(4,), num_direct=(2,), num_nearest=3)
    with pytest.warns(InputWarning, match="the judge has energies by atom count, the independent one by tight-binding"):
        content = evaluate(model, data_set, ATOM_COUNT, few)["scales"]["1x1"]
    with np.load(options.out / "samples_1x1.npz", allow_pickle=False) as samples:
        states, obtained = samples["states"][:2], samples["obtained"][:2]
    reference = energy_named(model.system, "tight-binding")
    energy = reference.energies(states)
    difference = 1000 * (obtained * model.system.area(4, 4) - energy) / np.maximum(1, model.system.num_atoms(states))
    assert content["direct"]["num_sheets"] == 2
    assert content["direct"]["mae_mev_per_atom"] == pytest.approx(np.abs(difference).mean())
    assert content["nearest"]["num_sheets"] == 3
    assert content["copies"]["num_sheets"] == round((1 - content["novelty"]) * 4)
    assert not direct_progress_path(options.out, 1).exists()


def test_strict_refuses_energies_that_the_training_did_not_cover(model, data_set, options):
    low, _ = model.energy_range
    beyond = dataclasses.replace(data_set, energy_per_area=np.linspace(low - 1, low + 0.1, 64))
    with pytest.raises(ValueError, match=r"must lie in what the training data covers, .* Received: \d+ of 64 outside"):
        evaluate(model, beyond, OneByOne(Interrupted()), dataclasses.replace(options, strict=True))
    assert not options.out.exists()


def test_judge_of_other_energies_than_the_data_is_told_and_with_strict_refused(model, data_set, options):
    few = dataclasses.replace(options, matched=0, scales=(1,), num_samples=(4,))
    other = dataclasses.replace(
        data_set, metadata={**data_set.metadata, "energy": "ase:x:Y:{} in eV relative to atoms"}
    )
    with pytest.warns(InputWarning, match="the data has energies by ase:x:Y:.*, the judge by atom count"):
        evaluate(model, other, ATOM_COUNT, few)
    strict = dataclasses.replace(few, strict=True, overwrite=True)
    with pytest.raises(ValueError, match="Energies that are compared must be of one method and one zero"):
        evaluate(model, other, OneByOne(Interrupted()), strict)


def test_report_is_one_page_with_every_number_and_picture(model, data_set, options):
    content = evaluate(model, data_set, ATOM_COUNT, options)
    page = (options.out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(list(options.out.glob("*.png")))
    assert "http" not in page
    assert f"{content['scales']['2x2']['ks_statistic']:.4f}" in page
    assert "<td>mean absolute error (eV/Å²)</td>" in page


def test_folder_with_content_is_kept_unless_told_otherwise(model, data_set, options):
    options.out.mkdir()
    (options.out / "old.txt").write_text("old")
    few = dataclasses.replace(options, matched=0, scales=(1,), num_samples=(4,))
    with pytest.raises(FileExistsError, match=r"must be new or empty, or --overwrite given. Received: "):
        evaluate(model, data_set, ATOM_COUNT, few)
    assert (options.out / "old.txt").read_text() == "old"
    evaluate(model, data_set, ATOM_COUNT, dataclasses.replace(few, overwrite=True))
    assert not (options.out / "old.txt").exists()


def test_old_results_outlive_an_evaluation_that_fails(model, data_set, options):
    options.out.mkdir()
    (options.out / "old.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, data_set, OneByOne(Interrupted()), dataclasses.replace(options, overwrite=True))
    assert (options.out / "old.txt").read_text() == "old"


def test_overwriting_never_takes_what_it_reads_along(model, data_set, options):
    around = dataclasses.replace(options, out=options.data.parent, overwrite=True)
    with pytest.raises(ValueError, match=r"must hold none of its inputs. Received: .* with .*data\.npz"):
        evaluate(model, data_set, ATOM_COUNT, around)
    real = dataclasses.replace(options, out=options.out.parent / "in", real=options.out.parent / "in" / "real.npz")
    with pytest.raises(ValueError, match=r"must hold none of its inputs. Received: .* with .*real\.npz"):
        evaluate(model, data_set, ATOM_COUNT, dataclasses.replace(real, overwrite=True))


def test_scale_beyond_one_call_of_the_model_is_made_in_tiles(model, data_set, options):
    large = dataclasses.replace(options, scales=(3,), num_samples=(2,), num_structures=(0,), matched=0)
    assert model.max_cells < 12 * 12
    content = evaluate(model, data_set, ATOM_COUNT, large)["scales"]["3x3"]
    assert (content["rows"], content["cols"], content["num_samples"]) == (12, 12, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": ()}, "scales must be different, and at least 1. Received: scales=\\(\\)"),
        ({"scales": (1, 1)}, "scales must be different"),
        ({"scales": (0,), "num_samples": (4,)}, "scales must be different, and at least 1"),
        ({"num_samples": (1, 4)}, "num_samples must be at least 2. Received: num_samples=\\(1, 4\\)"),
        ({"num_samples": (4, 4, 4)}, "num_samples must be one number, or one for each of 2 scales"),
        ({"seed": -1}, "seed must not be negative. Received: seed=-1"),
        ({"processes": 0}, "processes must be at least 1"),
        ({"num_direct": (1, 2, 3)}, "num_direct must be one number, or one for each of 2 scales"),
        ({"num_direct": (-1,)}, "num_direct must not be negative. Received: num_direct=-1"),
        ({"num_structures": (-1,)}, "num_structures must not be negative"),
        ({"num_structures": (1, 2, 3)}, "num_structures must be one number, or one for each of 2 scales"),
        ({"matched": -1}, "matched must not be negative"),
        ({"matched": 1}, "matched must be 0, or at least 2"),
    ],
)
def test_options_that_contradict_are_refused(options, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(options, **change)


def test_one_number_of_samples_holds_for_all_scales(options):
    assert dataclasses.replace(options, num_samples=(7,)).samples_by_scale == {1: 7, 2: 7}
    assert options.samples_by_scale == {1: 12, 2: 3}
