import json
import shutil

import numpy as np
import pytest

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.generate.conditioned import load_conditioned
from rugan_tf.generate.latent import draw_latent
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.systems.ising.energy import ising_energies, spins_of
from rugan_tf.systems.ising.sampling import sample


@pytest.fixture(scope="module")
def model(model_base):
    return SheetModel.load(model_base)


def call_seeds(seed, num_calls):
    """Seeds of the calls that a request is split into, from NumPy's SeedSequence by hand."""
    words = [np.random.SeedSequence([seed, call]).generate_state(1, np.uint64)[0] for call in range(num_calls)]
    return [seed, *(int(word) // 2 for word in words[1:])]


def test_load_reads_the_description_of_the_model(model, model_base):
    assert model.folder == model_base / "2"
    assert (model.system.name, model.rows, model.cols, model.max_cells) == ("porous_graphene", 4, 4, 64)
    assert model.energy_range == (-3.0, 0.0)
    assert model.latent_channels() == 5
    assert SheetModel.load(str(model_base / "2")) == model


def test_same_request_gives_the_same_sheets_and_another_seed_others(model):
    requested = np.full(3, -1.5)
    states = model.generate(requested, 4, 4, seed=1)
    assert states.shape == (3, 4, 4)
    assert states.dtype == np.uint8
    np.testing.assert_array_equal(model.generate(requested, 4, 4, seed=1), states)
    assert (model.generate(requested, 4, 4, seed=2) != states).any()


def test_large_request_is_split_and_later_calls_have_derived_seeds(model, capsys):
    requested = np.full(9, -1.5)  # 64 // 16 = 4 sheets a call: 4, 4, 1
    states = model.generate(requested, 4, 4, seed=7)
    assert "generating" in capsys.readouterr().err
    parts = [
        model.generate(requested[:count], 4, 4, seed=seed)
        for count, seed in zip((4, 4, 1), call_seeds(7, 3), strict=True)
    ]
    np.testing.assert_array_equal(states, np.concatenate(parts))


@pytest.mark.parametrize("method", ["generate", "generate_unrepaired"])
def test_neighbouring_seeds_share_no_sheets(model, method):
    requested = np.full(12, -1.5)  # three calls each
    sheets = [getattr(model, method)(requested, 8, 8, seed=seed) for seed in range(7, 11)]
    assert len({sheet.tobytes() for states in sheets for sheet in states}) == 4 * 12


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.zeros((2, 4, 4)), "states must be integers. Received: dtype=float64"),
        (np.zeros((4, 4), int), r"states must have the shape \(batch, rows, cols\). Received: shape=\(4, 4\)"),
        (np.full((1, 4, 4), 300), r"states must lie in 0\.\.3\. Received: values 300 to 300"),
    ],
)
def test_what_is_no_sheet_has_no_energy(model, states, message):
    for method in (
        model.obtained_energies,
        model.structures,
        model.local_energies,
        load_conditioned(model.folder).obtained,
    ):
        with pytest.raises(InputError, match=message):
            method(states)


def test_largest_seed_can_be_split(model):
    requested = np.full(9, -1.5)
    states = model.generate(requested, 4, 4, seed=2**63 - 10)
    assert len({sheet.tobytes() for sheet in states}) == 9


@pytest.mark.parametrize(("calibrated", "offset"), [(True, -2), (False, 0)])
def test_unrepaired_sheets_are_the_most_probable_states_of_the_latent_of_the_seed(model, calibrated, offset):
    states = model.generate_unrepaired([-1.5, -0.5], 4, 6, seed=3, calibrated=calibrated)
    assert (states.shape, states.dtype) == ((2, 4, 6), np.uint8)
    latent = draw_latent(3, 2, 2, 3, 5).numpy()
    latent[..., 3] += np.array([-1.5, -0.5])[:, None, None] + offset  # as the model of these tests weighs full cells
    expected = latent[..., :4].argmax(axis=-1).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(states, expected)


def test_same_seed_gives_the_same_unrepaired_sheets_and_another_seed_others(model):
    requested = np.full(3, -1.5)
    states = model.generate_unrepaired(requested, 4, 4, seed=1)
    np.testing.assert_array_equal(model.generate_unrepaired(requested, 4, 4, seed=1), states)
    assert (model.generate_unrepaired(requested, 4, 4, seed=2) != states).any()


def test_unrepaired_sheets_keep_their_dangling_atoms(model):
    states = model.generate_unrepaired(np.full(4, -1.5), 4, 4)
    assert (model.system.num_atoms(model.system.repair(states)) < model.system.num_atoms(states)).any()


def test_large_unrepaired_request_is_split_and_every_sheet_has_its_energy(model):
    requested = np.array([-1.5, 0.0, -100.0, -1.5, 0.0, -1.5, -1.5, -100.0, 0.0])  # calls of 4, 4, 1
    states = model.generate_unrepaired(requested, 4, 4, seed=7)
    parts = [
        model.generate_unrepaired(part, 4, 4, seed=seed)
        for part, seed in zip(np.split(requested, [4, 8]), call_seeds(7, 3), strict=True)
    ]
    np.testing.assert_array_equal(states, np.concatenate(parts))
    assert (states[requested == 0] == 3).any()
    assert (states[requested == -100] != 3).all()


def test_size_of_the_sheets_is_free(model):
    assert model.generate([-1.0], 2, 32).shape == (1, 2, 32)


@pytest.mark.parametrize(
    ("energy", "rows", "cols", "seed", "message"),
    [
        ([-1.0], 4, 5, 0, "cols must be even. Received: cols=5"),
        ([-1.0], 5, 4, 0, "rows must be even. Received: rows=5"),
        ([-1.0], 0, 4, 0, "rows must be at least 1. Received: rows=0"),
        ([-1.0, np.nan], 4, 4, 0, "energy_per_area must be finite. Received: energy_per_area=nan"),
        ([-1.0, 1.5], 4, 4, 0, "must have the sign of the energies in the training data, -3 to 0 .* was -1.5 meant?"),
        ([1e200], 4, 4, 0, "energy_per_area must be finite. Received: energy_per_area=1e\\+200"),
        ([], 4, 4, 0, "energy_per_area must have the shape .* Received: shape=\\(0,\\)"),
        ([-1.0], 4, 4, -1, "seed must not be negative.* Received: seed=-1"),
        ([-1.0], 4, 4, 2**63, "seed .* must fit into 63 bits. Received: seed=9223372036854775808"),
    ],
)
def test_request_that_cannot_be_generated_is_refused(model, energy, rows, cols, seed, message):
    with pytest.raises(InputError, match=message):
        model.generate(energy, rows, cols, seed)
    with pytest.raises(InputError, match=message):
        model.generate_unrepaired(energy, rows, cols, seed)


def test_refusal_of_the_model_itself_is_a_value_error(model):
    with pytest.raises(ValueError, match=r"^The model refuses the request: assertion failed: \[seed must not be 999\]"):
        model.generate([-1.0], 4, 4, seed=999)


def test_energy_outside_the_training_data_is_warned_of(model):
    model.generate([-3.0, 0.0], 4, 4)  # an error if it warned
    with pytest.warns(
        InputWarning, match="1 of 2 requested energies lie outside what the training data covers, -3 to 0"
    ):
        model.generate([-3.5, -1.0], 4, 4)


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"must be a folder that holds saved_model.pb, or .* Received: .*nowhere"
    ):
        SheetModel.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"must be a folder that holds saved_model.pb"):
        SheetModel.load(tmp_path)


def test_model_without_a_usable_description_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(FileNotFoundError, match=r"card must lie beside .*`rugan export`.* Received: no .*rugan.json"):
        SheetModel.load(tmp_path)
    card = tmp_path / "assets.extra" / "rugan.json"
    card.parent.mkdir()
    for text, message in (
        ("{", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('{"rows": 4}', "without system, cols, latent_channels, label_mean, .*, max_cells"),
    ):
        card.write_text(text)
        with pytest.raises(ValueError, match=message):
            SheetModel.load(tmp_path)


def test_ednn_in_place_of_a_generator_is_told():
    with pytest.raises(InputError, match=r"must be a generator, which makes sheets. Received: .*_ednn.*, an EDNN$"):
        SheetModel.load("porous_graphene_ednn")


def test_damaged_graph_and_missing_signature_are_told(model_base, tmp_path):
    import tensorflow as tf

    folder = tmp_path / "1"
    shutil.copytree(model_base / "2", folder)
    tf.saved_model.save(tf.Module(), str(folder))
    with pytest.raises(ValueError, match=r"must have the signature generate\. Received: "):
        SheetModel.load(folder).generate([-1.0], 4, 4)
    with pytest.raises(ValueError, match=r"must have the signature calibrate\. Received: "):
        SheetModel.load(folder).generate_unrepaired([-1.0], 4, 4, calibrated=False)
    (folder / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises((ValueError, OSError), match=r"(?i)savedmodel|saved_model"):
        SheetModel.load(folder).generate([-1.0], 4, 4)


def test_unknown_system_is_refused(model_base, tmp_path):
    shutil.copytree(model_base / "2", tmp_path / "1")
    card = tmp_path / "1" / "assets.extra" / "rugan.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "system": "ice"}))
    with pytest.raises(ValueError, match=r"system must be one of porous_graphene.* Received: 'ice'"):
        SheetModel.load(tmp_path)


def test_shipped_ising_model_obeys_energy_and_magnetisation_beyond_the_training_size():
    temperatures = np.linspace(1.8, 4, 24)
    real = sample(np.random.default_rng(3), temperatures, 32, 32, 100)
    asked = {"energy_per_area": ising_energies(real) / 32**2, "magnetisation": spins_of(real).mean(axis=(1, 2))}
    made = load_conditioned("ising").generate(asked, 32, 32, seed=1)
    # By sums of this test, not by the EDNN that corrects.
    spins = 2.0 * made - 1
    pairs = sum((spins * np.roll(spins, 1, axis)).mean(axis=(1, 2)) for axis in (1, 2))
    np.testing.assert_allclose(-pairs, asked["energy_per_area"], atol=0.06)
    np.testing.assert_allclose(spins.mean(axis=(1, 2)), asked["magnetisation"], atol=0.06)
    # Neither request says what pairs along diagonals have. Of hot sheets: in cold ones the magnetisation nearly does.
    hot = [spins_of(sheets[temperatures > 2.5]).astype(float) for sheets in (made, real)]
    diagonals = [(one * np.roll(one, (1, 1), (1, 2))).mean() for one in hot]
    assert diagonals[0] == pytest.approx(diagonals[1], rel=0.1)
    assert diagonals[1] > 3 * (hot[1].mean(axis=(1, 2)) ** 2).mean()  # spins at random places would have this third
