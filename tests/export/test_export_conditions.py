"""An exported generator of several conditions: asked by name, told by rule, corrected, written."""

import json
import types
import warnings

import ase.io
import numpy as np
import pytest
import tensorflow as tf
from conditioned_run import (
    BAND_GAP,
    COST,
    POROSITY,
    build_conditioned_generator,
    learnt_conditions,
    write_conditioned_run,
)
from untrained_run import CountingEnergy, write_counting_energy

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.export.__main__ import ExportOptions, warn_of_idle
from rugan_tf.export.__main__ import main as export
from rugan_tf.export.condition_endpoints import ConditionEndpoints
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate.__main__ import main
from rugan_tf.generate.conditioned import load_conditioned
from rugan_tf.generate.conditions_command import search_sheets
from rugan_tf.generate.writers import titles_of
from rugan_tf.saved.model_card import read_exported_card
from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.page_routes import described_model
from rugan_tf.systems.named import system_named

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
GRAPHENE = system_named("porous_graphene")
ATOMS = np.array([0, 1, 1, 2])
ASKED = {"porosity": [0.7, 0.8, 0.6], "cost": [-0.5, -0.4, -0.6]}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model of porosity and cost, with an energy model inside."""
    folder = tmp_path_factory.mktemp("conditions")
    run_dir = write_conditioned_run(folder / "run", POROSITY, COST)
    ednn = write_counting_energy(folder / "ednn")
    words = ["--run-dir", str(run_dir), "--out", str(folder / "model"), "--ednn-dir", str(ednn)]
    assert export([*words, "--max-cells", "2000", "--feedback", "2"]) == 0
    return folder / "model"


def expected(states):
    """Porosity and cost of sheets, counted."""
    atoms = ATOMS[states].sum(axis=(1, 2))
    cells = states[0].size
    energy = -atoms / (2.0 * cells)
    by_state = np.array([0.1, 0.0, 0.0, -0.3])[states].mean(axis=(1, 2))
    return 1 - atoms / (2 * cells), 2 * energy + by_state


def test_signatures_take_and_tell_conditions_by_name(base):
    loaded = tf.saved_model.load(str(base / "1"))
    assert set(loaded.signatures) == {"serving_default", "generate", "generate_from_latent", "energy"}
    inputs = loaded.signatures["generate"].structured_input_signature[1]
    assert set(inputs) == {"porosity", "cost", "rows", "cols", "seed"}
    assert inputs["cost"] == tf.TensorSpec([None], tf.float32, "cost")
    maps = loaded.signatures["generate_from_latent"].structured_input_signature[1]
    assert maps["porosity"] == tf.TensorSpec([None, None, None], tf.float32, "porosity")
    numbers = {name: tf.constant(values, tf.float32) for name, values in ASKED.items()}
    size = {"rows": tf.constant(6), "cols": tf.constant(8), "seed": tf.constant(3, tf.int64)}
    answer = loaded.signatures["generate"](**numbers, **size)
    porosity, cost = expected(answer["states"].numpy())
    np.testing.assert_allclose(answer["porosity"], porosity, atol=1e-6)
    np.testing.assert_allclose(answer["cost"], cost, atol=1e-6)
    np.testing.assert_allclose(answer["energy_per_area"], porosity - 1, atol=1e-6)  # -1 eV an atom, 2 Å² a cell
    assert (base / "1/assets.extra/tf_serving_warmup_requests").is_file()


def test_the_order_of_inputs_is_that_of_the_names(base):
    """Asked for the same values under exchanged names, the generator makes other sheets."""
    model = load_conditioned(base)
    one = model.raw({"porosity": 0.7, "cost": -0.5}, 12, 8)
    np.testing.assert_array_equal(model.raw({"cost": -0.5, "porosity": 0.7}, 12, 8), one)
    assert (model.raw({"porosity": -0.5, "cost": 0.7}, 12, 8) != one).any()


def test_a_model_tells_what_its_sheets_have(base):
    model = load_conditioned(base)
    states = model.generate(ASKED, 6, 8, seed=3)
    porosity, cost = expected(states)
    obtained = model.obtained(states)
    np.testing.assert_allclose(obtained["porosity"], porosity)
    np.testing.assert_allclose(obtained["cost"], cost, atol=1e-6)
    judged = model.obtained(states, np.ones(3))
    np.testing.assert_allclose(judged["cost"] - cost, 2 * (1 - (porosity - 1)), atol=1e-6)
    np.testing.assert_array_equal(model.generate(ASKED, 6, 8, seed=3), states)
    assert GRAPHENE.is_valid(states).all()


@pytest.mark.parametrize("conditions", [(POROSITY, COST), (POROSITY, BAND_GAP)])
def test_corrections_bring_every_sheet_nearer_to_what_is_told_of_it(conditions):
    generator, energy = build_conditioned_generator(2), CountingEnergy()
    energy.signatures = {"energy": energy.energy}
    learnt = learnt_conditions(*conditions)
    told = [index for index, one in enumerate(conditions) if one.rule is not None]
    values = np.stack([one.range for one in learnt.each], axis=1).mean(axis=0, keepdims=True).repeat(8, axis=0)
    values[:, 0] = np.linspace(*learnt.each[0].range, 8)
    errors = []
    for feedback in (0, 4):
        endpoints = ConditionEndpoints(generator, GRAPHENE, learnt, 10**4, energy, feedback)
        columns = [tf.constant(column, tf.float32) for column in values.T]
        answer = endpoints.generate(*columns, tf.constant(6), tf.constant(8), tf.constant(1, tf.int64))
        obtained = np.stack(expected(answer["states"].numpy()), axis=1)[:, told]
        asked = learnt.standardised(values)[:, told]
        spread = np.array([learnt.each[index].scale.standard_deviation for index in told])
        mean = np.array([learnt.each[index].scale.mean for index in told])
        errors.append(np.linalg.norm((obtained - mean) / spread - asked, axis=1))
        assert ("band_gap" in answer) is False
    assert (errors[1] <= errors[0] + 1e-5).all()
    assert errors[1].mean() < 0.9 * errors[0].mean()


def test_each_condition_halves_its_own_bracket_and_what_nothing_tells_stays():
    """A first condition that jumps, a second that is obtained at half, a third that no sheet tells."""
    given = []

    def make(labels):
        given.append(labels.numpy()[0])
        return labels[:, None, :]  # a sheet that shows what it was asked for

    def obtained(sheets):
        jumping = sheets[:, 0, 0] + tf.where(sheets[:, 0, 0] < -2.1, -0.2, 0.9)
        return [(0, jumping), (1, 0.5 * sheets[:, 0, 1])]

    model = types.SimpleNamespace(obtained_labels=obtained, rules=["jumps", "halves", None])
    wanted = tf.constant([[-2.0, 1.0, 7.0]])
    nearest = ConditionEndpoints.nearest(model, make, wanted, make(wanted), tf.constant(3))
    np.testing.assert_allclose(
        given, [[-2.0, 1.0, 7.0], [-2.9, 1.5, 7.0], [-2.45, 1.75, 7.0], [-2.225, 1.875, 7.0]], atol=1e-6
    )
    np.testing.assert_allclose(nearest[0, 0], [-2.225, 1.875, 7.0], atol=1e-6)


@pytest.mark.parametrize(("others", "last"), [(1, 4.5), (0, -0.25)])
def test_a_bracket_is_left_where_another_condition_has_moved_since(others, last):
    """Too much by 1, too little by 1, then too little by 5: one condition alone halves on."""
    given, missing = [], iter([-1.0, 1.0, 5.0, 0.0])

    def make(labels):
        given.append(labels.numpy()[0, 0])
        return labels[:, None, :]

    def obtained(sheets):
        del sheets
        return [(0, tf.constant([-next(missing)])), *[(1, tf.constant([0.5]))] * others]

    model = types.SimpleNamespace(obtained_labels=obtained, rules=["told", *["told"] * others])
    wanted = tf.zeros((1, 1 + others))
    ConditionEndpoints.nearest(model, make, wanted, make(wanted), tf.constant(3))
    np.testing.assert_allclose(given, [0, -1, -0.5, last])


@pytest.mark.parametrize(("typed", "count"), [({"--calibration-sheets"}, 1), ({"--strict"}, 0), (set(), 0)])
def test_a_calibration_of_several_conditions_is_told_to_do_nothing(base, typed, count):
    options = ExportOptions(out=base, run_dir=base, calibration_sheets=64, strict=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_of_idle(options, typed, read_exported_card(version_folder(base)), has_judge=True)
    sentence = "for other conditions than the energy nothing comes of --calibration-sheets"
    assert [str(one.message) for one in told] == [sentence] * count


def test_models_without_an_ednn_tell_what_can_be_counted():
    learnt = learnt_conditions(POROSITY, COST)
    endpoints = ConditionEndpoints(build_conditioned_generator(2), GRAPHENE, learnt, 10**4, None, 3)
    columns = [tf.constant([value], tf.float32) for value in (0.7, -0.5)]
    answer = endpoints.generate(*columns, tf.constant(4), tf.constant(4), tf.constant(1, tf.int64))
    assert set(answer) == {"states", "porosity"}
    assert endpoints.feedback == 3


@pytest.mark.parametrize(
    ("energy", "message"), [(2.0, "must have the sign of the energies in the training data, -0.5"), (np.nan, "finite")]
)
def test_an_energy_among_the_conditions_has_a_sign_of_the_data(energy, message):
    learnt = learnt_conditions(POROSITY, GRAPHENE.energy_condition)
    endpoints = ConditionEndpoints(build_conditioned_generator(2), GRAPHENE, learnt, 10**4)
    size = tf.constant(4), tf.constant(4), tf.constant(1, tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        endpoints.generate(tf.constant([0.7]), tf.constant([energy], tf.float32), *size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cost": [0.0]}, "cost must hold as many values as porosity"),
        ({"porosity": [0.1, np.nan, 0.2]}, "porosity must be finite"),
        ({"rows": 5}, "rows and cols must be even"),
        ({"porosity": [], "cost": []}, "porosity must hold at least one value"),
        ({"rows": 200, "cols": 200}, "rows \\* cols must be at most 2000"),
    ],
)
def test_requests_that_are_none_are_refused_in_the_graph(base, changes, message):
    request = {**ASKED, "rows": 6, "cols": 8, **changes}
    kinds = {"rows": np.int32, "cols": np.int32}
    arrays = {name: np.asarray(value, kinds.get(name, np.float32)) for name, value in request.items()}
    with pytest.raises(InputError, match=message):
        load_conditioned(base).model.predict("generate", **arrays, seed=np.int64(0))


def test_values_that_the_data_do_not_have_together_are_warned_of_and_refused(tmp_path):
    run_dir = write_conditioned_run(tmp_path / "run", POROSITY, BAND_GAP)
    assert export(["--run-dir", str(run_dir), "--out", str(tmp_path / "model"), "--max-cells", "2000"]) == 0
    model = load_conditioned(tmp_path / "model")
    with pytest.warns(
        InputWarning, match=r"no sheet of the data has such values together; .* porosity 0.5 with band_gap 1.8"
    ):
        model.generate({"porosity": 0.5, "band_gap": 1.8}, 4, 4)
    with pytest.raises(InputError, match=r"as the training data have\. Received: 1 of 1 lie inside of each range"):
        model.generate({"porosity": 0.5, "band_gap": 1.8}, 4, 4, strict=True)
    assert set(model.obtained(model.generate({"porosity": 0.7, "band_gap": 1.4}, 4, 4))) == {"porosity"}


def test_the_command_writes_what_was_requested_and_obtained(base, tmp_path, capsys):
    words = ["--model", str(base), "--rows", "6", "--cols", "8", "--seed", "3"]
    asked = ["--condition", "porosity=0.7,0.8,0.6", "cost=-0.5,-0.4,-0.6"]
    assert main([*words, *asked, "--out", str(tmp_path / "a.extxyz")]) == 0
    printed = capsys.readouterr().out
    assert "a.extxyz: 3 sheets of 6x8 cells" in printed
    assert "cost per area (meV) obtained: " in printed
    frames = ase.io.read(tmp_path / "a.extxyz", index=":")
    states = load_conditioned(base).generate(ASKED, 6, 8, seed=3)
    porosity, cost = expected(states)
    for index, frame in enumerate(frames):
        assert frame.info["porosity_requested"] == ASKED["porosity"][index]
        assert frame.info["cost_requested"] == ASKED["cost"][index]
        assert frame.info["porosity_obtained"] == pytest.approx(porosity[index])
        assert frame.info["cost_obtained"] == pytest.approx(cost[index], abs=1e-6)
        assert frame.get_potential_energy() == pytest.approx(
            frame.info["energy_per_area_obtained"] * GRAPHENE.area(6, 8)
        )
        assert "energy_per_area_requested" not in frame.info
    assert main([*words, *asked, "--out", str(tmp_path / "a.npz")]) == 0
    data_set = read_data_set(tmp_path / "a.npz")
    np.testing.assert_array_equal(data_set.states, states)
    np.testing.assert_allclose(data_set.energy_per_area, porosity - 1, atol=1e-6)
    np.testing.assert_allclose(data_set.properties["cost_obtained"], cost, atol=1e-6)
    assert data_set.metadata["properties"]["cost_requested"] == {"unit": "meV"}
    numbers = {"cost_requested": np.array([-0.5, 0.25]), "cost_obtained": np.array([-0.45, 0.2])}
    assert titles_of(GRAPHENE, None, None, {**numbers, "gap_requested": np.ones(2)}, data_set.metadata) == [
        "cost (meV): -0.500 requested, -0.450 obtained\ngap: 1.000 requested",
        "cost (meV): 0.250 requested, 0.200 obtained\ngap: 1.000 requested",
    ]
    assert main([*words, *asked, "--out", str(tmp_path / "a.png")]) == 0


def test_a_search_returns_sheets_that_meet_all_their_conditions(base, tmp_path, capsys):
    model = load_conditioned(base)
    porosity, cost = expected(model.generate({"porosity": 0.7, "cost": -0.5}, 4, 4, seed=1))
    words = ["--model", str(base), "--rows", "4", "--cols", "4", "--out", str(tmp_path / "a.npz")]
    asked = ["--condition", f"porosity={porosity[0]}", f"cost={cost[0]}", "--num-sheets", "3"]
    code = main([*words, *asked, "--within", "porosity=0.07", "cost=0.2", "--max-candidates", "640"])
    assert code == 0
    assert "accepted: " in capsys.readouterr().out
    found = expected(read_data_set(tmp_path / "a.npz").states)
    assert np.abs(found[0] - porosity).max() <= 0.07
    assert np.abs(found[1] - cost).max() <= 0.2
    values = model.learnt.asked({"porosity": float(porosity[0]), "cost": float(cost[0])})
    with pytest.raises(
        InputError, match=r"There must be 1 sheets so close to porosity .*, cost .* meV among .*Received: 0"
    ):
        search_sheets(model, values + 9.0, {"porosity": 0.07}, (4, 4), max_candidates=8)
    with pytest.raises(InputError, match=r"told of them, porosity, cost\. Received: --within gap"):
        search_sheets(model, values, {"gap": 1.0}, (4, 4))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--condition", "porosity=0.2"], "A sheet must be asked for porosity (0.4"),
        (["--condition", "porosity"], "--condition must be NAME=NUMBER, each name once. Received: 'porosity'"),
        (["--condition", "porosity=0.2", "porosity=0.3"], "each name once. Received: 'porosity=0.3'"),
        (
            ["--condition", "porosity=0.2,0.3", "cost=1,2,3"],
            "one for each of 3 sheets. Received: 2 of porosity",
        ),
        (["--condition", "porosity=0.2", "cost=1", "--tile", "8"], "Received: --condition with --tile"),
        (["--energy-per-area", "-2"], "The model must be asked for porosity (0.4"),
        (["--energy-per-area", "-2", "--within", "a=1"], "A search by conditions needs those, --condition"),
        (
            ["--condition", "porosity=0.2", "cost=-0.5", "--rows", "200", "--cols", "200"],
            "is made whole: rows * cols must",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_told(base, tmp_path, capsys, words, message):
    try:
        code = main(["--model", str(base), "--out", str(tmp_path / "a.npz"), *words])
    except SystemExit as stop:  # what contradicts itself is refused when options are read
        code = stop.code
    assert code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_the_page_is_told_units_and_ranges(base):
    card = described_model("x", 1, base / "1")["card"]
    assert card["units"] == {"porosity": "", "cost": "meV"}
    learnt = read_exported_card(base / "1").conditions
    assert card["ranges"]["cost"] == list(learnt.each[1].range)
    assert json.loads((base / "1/assets.extra/rugan.json").read_text())["version"] == 2


def test_a_model_of_the_energy_alone_is_asked_by_its_name_too(tmp_path):
    model = load_conditioned()
    assert model.learnt.names == ("energy_per_area",)
    asked = {"energy_per_area": [-2.5, -2.0]}
    states = model.generate(asked, 4, 6, seed=5)
    np.testing.assert_array_equal(states, model.model.generate(asked["energy_per_area"], 4, 6, seed=5))
    np.testing.assert_allclose(model.obtained(states)["energy_per_area"], model.model.judged_energies(states))
