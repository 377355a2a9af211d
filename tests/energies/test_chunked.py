"""Energies of large sheets are the same however they are chunked, in memory or on disk."""

import numpy as np
import pytest
import zarr

from rugan_tf.data import __main__ as door
from rugan_tf.energies.chunked import chunked_energies, whole_chunk
from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.formats.zarr_states import open_zarr_states
from rugan_tf.saved.ednn_card import EdnnCard
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import draw_porous_states

SYSTEM = system_named("porous_graphene")
STATE_ENERGIES = (0.0, -8.0, -8.5, -17.0)


@pytest.fixture(scope="module")
def ednn(tmp_path_factory):
    import keras

    from rugan_tf.ednn.saved_model import write_saved_model
    from rugan_tf.networks.ednn import EDNN

    keras.utils.set_random_seed(3)
    network = EDNN(width=6, context=2, state_energies=STATE_ENERGIES, energy_scale=0.5)
    network.build()
    card = EdnnCard(
        system=SYSTEM.name,
        reference="made up",
        data_sha256="0123456789abcdef",
        max_cells=2**24,
        halo=network.halo,
        period=network.period,
    )
    return EdnnEnergy(write_saved_model(network, SYSTEM, tmp_path_factory.mktemp("ednn"), card))


@pytest.fixture(scope="module")
def states():
    return draw_porous_states(np.random.default_rng(4), 2, 22, 36)


@pytest.mark.parametrize("chunk", [2, 5, 8, 11, 16, 400])
def test_energy_does_not_depend_on_the_chunks(ednn, states, chunk):
    np.testing.assert_allclose(chunked_energies(states, ednn, chunk), ednn.energies(states), rtol=1e-6)


def test_zarr_gives_the_energies_of_memory(ednn, states, tmp_path):
    array = zarr.create_array(
        tmp_path / "sheets.zarr",
        shape=states.shape,
        chunks=(1, 9, 10),
        dtype="uint8",
        config={"write_empty_chunks": True},
    )
    array[:] = states
    opened = open_zarr_states(tmp_path / "sheets.zarr", SYSTEM)
    np.testing.assert_allclose(chunked_energies(opened, ednn, 8), ednn.energies(states), rtol=1e-6)
    out = tmp_path / "energies.npz"
    args = ["label", "--states", str(tmp_path / "sheets.zarr"), "--energy", f"ednn:{ednn.folder}", "--out", str(out)]
    assert door.main(args) == 0
    with np.load(out, allow_pickle=False) as written:
        np.testing.assert_allclose(written["energy"], ednn.energies(states), rtol=1e-6)
        np.testing.assert_allclose(written["energy_per_area"] * SYSTEM.area(22, 36), written["energy"])


@pytest.mark.parametrize(("size", "period", "halo"), [(22, 1, 2), (36, 2, 4), (7, 1, 4), (10, 2, 8), (1000, 2, 8)])
@pytest.mark.parametrize("chunk", [1, 3, 64, 5000])
def test_chunks_are_whole_periods_no_shorter_than_the_halo(size, period, halo, chunk):
    lengths = whole_chunk(chunk, halo, period, size)
    assert sum(lengths) == size
    assert min(lengths) >= halo
    assert all(length % period == 0 for length in lengths)


def test_sheet_shorter_than_the_halo_is_refused(ednn):
    with pytest.raises(ValueError, match=r"at least as long as the halo, 4\. Received: 2 cells"):
        chunked_energies(np.zeros((1, 8, 2), np.uint8), ednn)


def test_chunks_that_were_never_written_are_refused(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(1, 8, 8), chunks=(1, 4, 4), dtype="uint8", config={"write_empty_chunks": True}
    )
    array[:, :4] = 3
    with pytest.raises(
        ValueError, match=r"^Every chunk of a Zarr array must .*=True\). Received: 2 of 4 chunks in .*a.zarr$"
    ):
        open_zarr_states(tmp_path / "a.zarr", SYSTEM)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        (
            (8, 8),
            "uint8",
            r"^states must be uint8 \(n, rows, cols\). Received: dtype=uint8, shape=\(8, 8\) in .*a.zarr",
        ),
        ((1, 8, 8), "int64", r"Received: dtype=int64, shape=\(1, 8, 8\) in .*a.zarr"),
        ((0, 8, 8), "uint8", r"^states must hold at least one sheet. Received: 0 sheets in .*a.zarr"),
        ((1, 8, 7), "uint8", "cols must be even. Received: cols=7"),
    ],
)
def test_zarr_of_another_kind_is_refused(tmp_path, shape, dtype, message):
    zarr.create_array(tmp_path / "a.zarr", shape=shape, dtype=dtype)
    with pytest.raises(ValueError, match=message):
        open_zarr_states(tmp_path / "a.zarr", SYSTEM)


def test_missing_zarr_and_reference_energies_are_refused(ednn, tmp_path, capsys):
    out = str(tmp_path / "energies.npz")
    missing, empty = tmp_path / "no.zarr", tmp_path / "empty.zarr"
    empty.mkdir()
    words = ["label", "--out", out, "--states"]
    assert door.main([*words, str(missing), "--energy", f"ednn:{ednn.folder}"]) == 2
    assert f"A data set must exist. Received: no {missing}" in capsys.readouterr().err
    assert door.main([*words, str(empty), "--energy", f"ednn:{ednn.folder}"]) == 2
    assert f"Sheets must be a Zarr array. Received: {empty} (" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*.zarr")] == ["empty.zarr"]  # opened for reading: nothing is made
    assert not list(empty.iterdir())
    assert door.main([*words, str(empty), "--energy", "tight-binding"]) == 2
    assert "a sum over places, ednn. Received: --energy tight-binding" in capsys.readouterr().err
    assert not (tmp_path / "energies.npz").exists()
