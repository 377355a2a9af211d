"""What stands between names and energies: failures in words, many sheets at once, chunks of large sheets."""

import ase
import numpy as np
import pytest
import zarr

import rugan_tf
from rugan_tf.energies import many_at_once
from rugan_tf.energies.chunked import CHUNK, chunked_energies, whole_chunk, write_energies
from rugan_tf.energies.ednn import EdnnEnergy, ednn_in, has_shipped_ednn, shipped_ednn
from rugan_tf.energies.many_at_once import ManyAtOnce
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.saved import ednn_card
from rugan_tf.saved.ednn_card import EdnnCard, write_ednn_card
from rugan_tf.saved.signatures import Signatures
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import MatchLimits

GRAPHENE, ISING = system_named("porous_graphene"), system_named("ising")

MINE = """
name = "mine"
states = [["up"], ["down"]]
lattice = { row_pitch = 1, col_pitch = 1, reach = 1.1 }
quantity = { total_unit = "J", per = "site" }
"""


def spins(num_sheets, rows, cols):
    return np.random.default_rng(5).integers(0, 2, (num_sheets, rows, cols), np.uint8)


class IsingByPlaces:
    """The energy of the Ising model as a sum: every cell has its bonds with the next row and the next column."""

    halo, period = (2, 1), (2, 3)

    def __init__(self):
        self.shapes = set()

    def halo_energies(self, states):
        self.shapes.add(states.shape)
        spin = 2.0 * states - 1
        own, below, right = spin[:, 2:-2, 1:-1], spin[:, 3:-1, 1:-1], spin[:, 2:-2, 2:]
        return -(own * (below + right)).sum(axis=(1, 2))


@pytest.mark.parametrize("name", ["ising", "ednn", "tight-binding"])
def test_what_is_no_sheet_has_no_energy(name, monkeypatch):
    monkeypatch.setattr(Signatures, "call", lambda *_, **__: pytest.fail("the model was asked"))
    function = energy_named(GRAPHENE if name == "tight-binding" else ISING, name)
    for states, message in (
        (np.zeros((2, 4, 4)), "states must be integers. Received: dtype=float64"),
        (np.zeros((4, 4), np.uint8), r"states must have the shape \(batch, rows, cols\). Received: shape=\(4, 4\)"),
    ):
        with pytest.raises(InputError, match=message):
            function.energies(states)


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [(5, {(4, 3), (2, 3)}), (12, {(12, 12), (2, 12)}), (CHUNK, {(14, 24)})],
)
def test_a_sum_over_places_is_the_same_in_chunks_and_whole(chunk, expected):
    states, places = spins(3, 14, 24), IsingByPlaces()
    received = chunked_energies(states, places, chunk)
    np.testing.assert_array_equal(received, energy_named(ISING, "ising").energies(states))
    assert received.dtype == np.float64
    focus = {(rows - 4, cols - 2) for num_sheets, rows, cols in places.shapes if num_sheets == 1}
    assert len(focus) == len(places.shapes)
    assert focus == expected


def test_sheets_on_disk_have_the_energies_of_those_in_memory(tmp_path):
    states, places = spins(1, 8, 9), IsingByPlaces()
    kept = zarr.create_array(tmp_path / "sheets.zarr", shape=states.shape, chunks=(1, 5, 7), dtype="uint8")
    kept[:] = states
    np.testing.assert_array_equal(chunked_energies(kept, places, 6), energy_named(ISING, "ising").energies(states))
    assert places.shapes == {(1, 6 + 4, 6 + 2), (1, 6 + 4, 3 + 2), (1, 2 + 4, 6 + 2), (1, 2 + 4, 3 + 2)}


@pytest.mark.parametrize(
    ("chunk", "halo", "period", "size", "lengths"),
    [
        (8, 4, 2, 22, (8, 8, 6)),
        (9, 4, 2, 22, (8, 8, 6)),
        (8, 4, 2, 18, (8, 10)),
        (8, 4, 2, 20, (8, 8, 4)),
        (8, 4, 2, 16, (8, 8)),
        (1, 5, 3, 18, (6, 6, 6)),
        (1, 0, 3, 9, (3, 3, 3)),
        (64, 4, 2, 22, (22,)),
        (8, 8, 2, 8, (8,)),
    ],
)
def test_chunks_have_the_length_that_was_asked_for(chunk, halo, period, size, lengths):
    assert whole_chunk(chunk, halo, period, size) == lengths


def test_a_sheet_within_its_own_halo_is_told():
    rule = r"^A sheet that is chunked must be at least as long as the halo, 4\. Received: 3 cells$"
    with pytest.raises(InputError, match=rule):
        whole_chunk(8, 4, 1, 3)


def test_energies_are_written_without_their_sheets(tmp_path):
    write_energies(tmp_path / "e.npz", np.array([1.0, 2.0]), np.array([0.5, 0.25]), {"energy": "mine"})
    with np.load(tmp_path / "e.npz", allow_pickle=False) as written:
        assert set(written) == {"energy", "energy_per_area", "metadata"}
        assert (written["energy"].tolist(), written["energy_per_area"].tolist()) == ([1.0, 2.0], [0.5, 0.25])
        assert '"mine"' in str(written["metadata"])


@pytest.mark.parametrize("cells", [1, 24, 47, 72, 2**21])
def test_a_function_of_many_sheets_gets_no_more_than_fits_into_memory(monkeypatch, cells):
    states, energy = spins(7, 4, 6), energy_named(ISING, "ising")
    assert isinstance(energy, ManyAtOnce)
    assert (energy.is_fast, energy.by_halo) == (True, None)
    assert energy.origin == ISING.reference_energies["ising"].origin
    asked = []
    function = energy.told.function
    monkeypatch.setitem(energy.told.__dict__, "function", lambda part: asked.append(len(part)) or function(part))
    monkeypatch.setattr(many_at_once, "CELLS_AT_ONCE", cells)
    np.testing.assert_array_equal(energy.energies(states), [function(one[None])[0] for one in states])
    assert asked == {1: [1] * 7, 24: [1] * 7, 47: [1] * 7, 72: [3, 3, 1]}.get(cells, [7])
    assert energy.energies(states[:0]).shape == (0,)
    monkeypatch.setitem(energy.told.__dict__, "function", lambda part: np.where(part[:, 0, 0] == 1, np.inf, 0.0))
    first = np.flatnonzero(states[:, 0, 0])[0]
    with pytest.raises(InputError, match=rf"^Energies must be finite\. Received: inf for sheet {first}$"):
        energy.energies(states)


@pytest.fixture
def folder(tmp_path):
    """That of an EDNN of which there is only the card."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    card = EdnnCard(
        system="porous_graphene",
        reference="tight-binding: a model, in eV relative to free atoms",
        data_sha256="0123456789abcdef",
        max_cells=2**20,
        halo=(3, 5),
        period=(2, 4),
    )
    (tmp_path / "1" / ednn_card.EDNN_FILE).parent.mkdir()
    write_ednn_card(tmp_path / "1", card)
    return tmp_path / "1"


def test_an_ednn_tells_its_halo_and_its_origin_without_being_loaded(folder):
    ednn = ednn_in(folder.parent, GRAPHENE)
    assert ednn == EdnnEnergy(folder) == ednn_in(folder, GRAPHENE) == energy_named(GRAPHENE, f"ednn:{folder}")
    assert (ednn.halo, ednn.period, ednn.is_fast) == ((3, 5), (2, 4), True)
    assert ednn.by_halo is ednn
    assert ednn.card.max_cells == 2**20
    assert (ednn.signatures.folder, ednn.signatures.what) == (folder, "EDNN")
    words = "ednn: trained on tight-binding: a model, in eV relative to free atoms (data 0123456789ab)"
    assert ednn.origin == EnergyOrigin("tight-binding", "free atoms", words)
    with pytest.raises(
        InputError, match=rf"^The EDNN must be of ising\. Received: one of porous_graphene, {folder.parent}$"
    ):
        ednn_in(folder.parent, ISING)
    rule = "The folder of an EDNN must exist; `rugan ednn train` writes RUN_DIR/saved_model"
    with pytest.raises(InputError, match=rf"^{rule}\. Received: {folder / 'none'}$"):
        ednn_in(folder / "none", GRAPHENE)


def test_a_folder_without_an_ednn_is_told(tmp_path):
    (tmp_path / "1").mkdir()
    rule = r"^An EDNN must be a SavedModel of `rugan ednn train`, RUN_DIR/saved_model\. Received: "
    with pytest.raises(InputError, match=f"{rule}{tmp_path}$"):
        ednn_in(tmp_path, GRAPHENE)


def test_an_ednn_gets_sheets_and_encodings_by_the_names_of_its_signatures(folder, monkeypatch):
    def call(signatures, name, **inputs):
        ((key, array),) = inputs.items()
        return {"energy": np.array([name, key, str(len(array))])}

    monkeypatch.setattr("rugan_tf.saved.signatures.Signatures.call", call)
    states = spins(2, 4, 6)
    assert EdnnEnergy(folder).halo_energies(states).tolist() == ["halo_energy", "states", "2"]
    assert EdnnEnergy(folder).local_energies(states).tolist() == ["local_energy", "encoding", "2"]


@pytest.mark.parametrize(("cells", "sizes"), [(1, [1] * 5), (48, [2, 2, 1]), (71, [2, 2, 1]), (2**17, [5])])
def test_an_ednn_is_called_with_as_many_sheets_as_fit(folder, monkeypatch, cells, sizes):
    asked = []

    def call(signatures, name, states):
        assert (name, signatures.folder) == ("energy", folder)
        asked.append(len(states))
        energies = states.sum(axis=(1, 2)).astype(np.float32)
        return {"energy": np.where(energies > 24, np.nan, energies)}

    monkeypatch.setattr("rugan_tf.saved.signatures.Signatures.call", call)
    monkeypatch.setattr("rugan_tf.energies.ednn.CELLS_PER_CALL", cells)
    states = spins(5, 4, 6)
    received = EdnnEnergy(folder).energies(states)
    assert received.dtype == np.float64
    assert (received.tolist(), asked) == (states.sum(axis=(1, 2)).tolist(), sizes)
    assert EdnnEnergy(folder).energies(states[:0]).shape == (0,)
    states[3] = 2
    with pytest.raises(InputError, match=r"^Energies must be finite\. Received: nan for sheet 3$"):
        EdnnEnergy(folder).energies(states)


def test_materials_without_an_ednn_of_the_package_are_told_how_to_give_theirs():
    assert has_shipped_ednn(GRAPHENE)
    assert shipped_ednn(GRAPHENE).name == "porous_graphene_ednn"
    mine = system_named(MINE)
    assert not has_shipped_ednn(mine)
    with pytest.raises(InputError) as raised:
        shipped_ednn(mine)
    assert str(raised.value) == (
        "A material without an EDNN of the package needs one of yours, FOLDER of `rugan ednn train`: "
        "--energy ednn:FOLDER, --map-ednn FOLDER, export --ednn-dir FOLDER. Received: none for mine"
    )


def test_names_that_are_no_energy_are_answered_with_those_that_are():
    with pytest.raises(InputError) as raised:
        energy_named(ISING, "ase:ase.calculators.lj")
    assert str(raised.value) == (
        "The energy must be ising, ednn, ednn:FOLDER, corrected:FILE, ase:package.module:Class or "
        "ase:package.module:Class:{\"argument\": value}. Received: 'ase:ase.calculators.lj'"
    )
    for given in ({"pbc": (True, True, True)}, {"vacuum": 9.0}):
        with pytest.raises(
            InputError,
            match=r"^pbc and vacuum are of the structures that ase:\.\.\. calculators get\. Received: 'ising'$",
        ):
            energy_named(ISING, "ising", **given)


def test_a_calculator_has_the_energy_of_the_sheet_that_a_structure_is(folder):
    """By tight binding, which needs no EDNN to be loaded."""
    calculator = rugan_tf.Calculator(folder, label="mine")
    assert calculator.label == "mine"
    assert calculator.function == EdnnEnergy(folder)
    calculator.function = energy_named(GRAPHENE, "tight-binding")
    states = np.full((2, 4), 3, np.uint8)
    states[0, 1] = 1
    structure = GRAPHENE.structure(states)
    expected = GRAPHENE.reference_energies["tight-binding"](states)
    structure.calc = calculator
    assert structure.get_potential_energy() == pytest.approx(expected, abs=1e-8)
    assert structure.get_potential_energy(force_consistent=True) == structure.get_potential_energy()
    half = ase.Atoms("C2", [[0, 0, 0], [0, 1.42028, 0]], cell=[[2.46, 0, 0], [1.23, 2.13042, 0], [0, 0, 9]], pbc=True)
    calculator.calculate(half)
    pristine = GRAPHENE.reference_energies["tight-binding"](np.full((1, 2), 3, np.uint8))
    assert calculator.results["energy"] == pytest.approx(pristine / 2, abs=1e-8)
    with pytest.raises(InputError, match=r"^A calculator must be given atoms\. Received: none$"):
        rugan_tf.Calculator(folder).calculate()
    assert rugan_tf.Calculator().function.folder.parent == shipped_ednn(GRAPHENE)
    with pytest.raises(InputError, match=r"^Sheets must have atoms to be structures\. Received: ising, which has none"):
        rugan_tf.Calculator(folder, "ising")


def test_a_calculator_takes_a_system_itself_and_keeps_to_its_limits(folder):
    calculator = rugan_tf.Calculator(folder, GRAPHENE, MatchLimits(in_plane=0.25))
    assert calculator.system is GRAPHENE
    structure = GRAPHENE.structure(np.full((4, 4), 3, np.uint8))
    structure.positions[5, 0] += 0.3
    with pytest.raises(InputError, match=r"within 0\.25 Å\. Received: atom 5 "):
        calculator.calculate(structure)


def test_an_energy_whose_extra_is_missing_is_refused_before_any_sheet(monkeypatch):
    """SevenNet's, whether it is installed or not: that is asked of `require_extra`, by the name of the extra."""
    asked = []
    monkeypatch.setattr("rugan_tf.energies.named.require_extra", asked.append)
    energy_named(GRAPHENE, "7net-0")
    energy_named(GRAPHENE, "tight-binding")
    assert asked == ["mlip"]
