"""Data sets on disk: exact round trips, and what damaged or wrong files are told."""

import json

import numpy as np
import pytest

from rugan_tf.formats.data_set import DataSet, read_arrays, read_data_set, read_states, write_data_set
from rugan_tf.systems.named import system_named

METADATA = {"system": "porous_graphene", "energy": "Å", "options": {"seed": 3, "pores": [1.5, None]}}


@pytest.fixture
def data_set():
    rng = np.random.default_rng(0)
    return DataSet(rng.integers(0, 4, (5, 4, 6), np.uint8), rng.normal(size=5) * 1e-3 - 3, METADATA)


@pytest.fixture
def path(data_set, tmp_path):
    write_data_set(tmp_path / "sheets.npz", data_set)
    return tmp_path / "sheets.npz"


def write_arrays(path, **changes):
    """Write a small data set by NumPy alone, with some arrays changed or (None) left out."""
    arrays = {
        "states": np.full((3, 4, 4), 3, np.uint8),
        "energy_per_area": np.array([-3.0, -2.5, -2.0]),
        "metadata": np.array(json.dumps(METADATA)),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_round_trip_is_exact(data_set, path):
    again = read_data_set(path)
    assert (again.states.dtype, again.energy_per_area.dtype) == (np.uint8, np.float64)
    np.testing.assert_array_equal(again.states, data_set.states)
    np.testing.assert_array_equal(again.energy_per_area, data_set.energy_per_area)
    assert again.metadata == METADATA
    assert again.checksum == data_set.checksum
    assert again.system is system_named("porous_graphene")


def test_others_can_write_and_read_the_format(path, tmp_path):
    with np.load(path) as archive:
        assert sorted(archive.files) == ["energy_per_area", "metadata", "states"]
        assert json.loads(str(archive["metadata"])) == METADATA
    path = write_arrays(tmp_path / "a.npz", energy_per_area=np.zeros(3, np.float32), more=np.ones(1))
    theirs = read_data_set(path)
    assert theirs.energy_per_area.dtype == np.float64


def test_checksum_sees_every_value(data_set):
    states, energy = data_set.states.copy(), data_set.energy_per_area.copy()
    states[4, 3, 5] ^= 1
    energy[2] = np.nextafter(energy[2], 0)
    checksums = {
        data_set.checksum,
        DataSet(states, data_set.energy_per_area, METADATA).checksum,
        DataSet(data_set.states, energy, METADATA).checksum,
    }
    assert len(checksums) == 3
    assert DataSet(data_set.states.copy(), data_set.energy_per_area, {}).checksum in checksums


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": None}, r"must hold the arrays states, .*. Received: energy_per_area, metadata"),
        ({"energy_per_area": None}, r"must hold the arrays .*. Received: states, metadata"),
        ({"metadata": None}, r"must hold the arrays .*. Received: states, energy_per_area"),
        ({"states": np.array([[[3, None]]] * 3)}, r"must not be pickled objects"),
        ({"metadata": np.array(METADATA)}, r"must not be pickled objects"),
        ({"states": np.zeros((0, 4, 4), np.uint8), "energy_per_area": np.zeros(0)}, r"Received: 0 sheets"),
        ({"states": np.full((3, 4, 4), 7, np.uint8)}, r"states must lie in 0..3. Received: values 7 to 7"),
        ({"states": np.zeros((3, 4, 5), np.uint8)}, r"cols must be even. Received: cols=5"),
        ({"states": np.zeros((3, 4, 4))}, r"states must be integers. Received: dtype=float64"),
        ({"states": np.zeros((3, 16), np.uint8)}, r"shape \(batch, rows, cols\). Received: shape=\(3, 16\)"),
        ({"energy_per_area": np.array([-3, np.nan, -2])}, r"must be finite. Received: nan for sheet 1"),
        ({"energy_per_area": np.array([-3, -2, -np.inf])}, r"must be finite. Received: -inf for sheet 2"),
        ({"energy_per_area": np.zeros(2)}, r"must have the shape \(3,\). Received: shape=\(2,\)"),
        ({"energy_per_area": np.zeros((3, 1))}, r"must have the shape \(3,\). Received: shape=\(3, 1\)"),
        ({"energy_per_area": np.array([1, 2, 3])}, r"of a floating type. Received: dtype=int64"),
        ({"energy_per_area": np.zeros(3, complex)}, r"of a floating type. Received: dtype=complex128"),
        ({"metadata": np.array("not JSON")}, r"metadata must be a JSON string. Received: "),
        ({"metadata": np.array(b"{}")}, r"metadata must be a JSON string. Received: "),
        ({"metadata": np.array("[1]")}, r"a JSON object that names a system. Received: \[1\]"),
        ({"metadata": np.array("{}")}, r"a JSON object that names a system. Received: {}"),
        ({"metadata": np.array('{"system": ["x"]}')}, r"a JSON object that names a system. Received: "),
        ({"metadata": np.array('{"system": "ice"}')}, r"system must be one of .* Received: 'ice'"),
    ],
)
def test_wrong_content_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        read_data_set(write_arrays(tmp_path / "a.npz", **changes))


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.1, 0.4, 0.7, 0.95, 0.999])
def test_truncated_file_is_refused(path, fraction):
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match=r"Received: .*sheets\.npz"):
        read_data_set(path)


def test_damage_is_told_or_harmless(path, data_set):
    content, refusals = path.read_bytes(), []
    for position in range(0, len(content), 2):
        for mask in (0x01, 0xFF):
            damaged = bytearray(content)
            damaged[position] ^= mask
            path.write_bytes(damaged)
            try:
                again = read_data_set(path)
            except ValueError as error:
                refusals.append(str(error))
            else:  # a time stamp, say
                assert again.checksum == data_set.checksum
    assert len(refusals) > len(content) / 2
    assert all("Received: " in refusal for refusal in refusals)


NO_ARCHIVES = [b"not an archive", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04N.", b"", b"PK"]


@pytest.mark.parametrize("content", NO_ARCHIVES)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"Received: .*a\.npz"):
        read_data_set(tmp_path / "a.npz")


def test_single_array_is_refused(tmp_path):
    np.save(tmp_path / "states.npy", np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"must be an .npz file. Received: .*states.npy"):
        read_data_set(tmp_path / "states.npy")


def test_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^A data set must exist. Received: no .*nowhere.npz"):
        read_data_set(tmp_path / "nowhere.npz")
    with pytest.raises(IsADirectoryError):
        read_data_set(tmp_path)


def test_states_are_read_whatever_else_there_is(tmp_path):
    system = system_named("porous_graphene")
    path = write_arrays(tmp_path / "a.npz", energy_per_area=None, metadata=np.array([{}], object))
    assert read_states(path, system).tolist() == np.full((3, 4, 4), 3).tolist()
    with pytest.raises(ValueError, match=r"at least one sheet. Received: 0 sheets in .*a.npz"):
        read_states(write_arrays(path, states=np.zeros((0, 4, 4), np.uint8)), system)
    with pytest.raises(ValueError, match=r"must hold the arrays states. Received: .*"):
        read_states(write_arrays(path, states=None), system)


def message_of(read, *arguments):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        read(*arguments)
    return str(raised.value)


def test_refusals_are_told_once_and_whole(tmp_path):
    np.savez(tmp_path / "empty.npz")
    assert message_of(read_states, tmp_path / "empty.npz", system_named("porous_graphene")) == (
        f"{tmp_path / 'empty.npz'} must hold the arrays states. Received: none"
    )
    np.save(tmp_path / "states.npy", np.zeros((3, 4, 4), np.uint8))
    assert message_of(read_data_set, tmp_path / "states.npy") == (
        f"A data set must be an .npz file. Received: {tmp_path / 'states.npy'}"
    )
    path = write_arrays(tmp_path / "a.npz", metadata=np.array(f'["{"x" * 100}"]'))
    assert message_of(read_data_set, path) == (
        f'metadata must be a JSON object that names a system. Received: ["{"x" * 78} in {path}'
    )
    path = write_arrays(path, metadata=np.array("{"))
    assert message_of(read_data_set, path).endswith(f" in {path}")
    assert message_of(DataSet, np.zeros((0, 4, 4), np.uint8), np.zeros(0), METADATA) == (
        "A data set must hold at least one sheet. Received: 0 sheets"
    )


def test_arrays_are_read_by_name(path):
    assert list(read_arrays(path, ("energy_per_area",))) == ["energy_per_area"]


def test_data_set_is_written_as_npz_only(data_set, tmp_path):
    with pytest.raises(ValueError, match=r"must be an .npz file. Received: .*sheets.csv"):
        write_data_set(tmp_path / "sheets.csv", data_set)
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_only_with_overwrite(data_set, path):
    before = path.read_bytes()
    other = DataSet(data_set.states[:2], data_set.energy_per_area[:2], data_set.metadata)
    with pytest.raises(FileExistsError, match=rf"must not exist, or overwrite be True\. Received: {path}"):
        write_data_set(str(path), other)
    assert path.read_bytes() == before
    write_data_set(path, other, overwrite=True)
    assert len(read_data_set(path).states) == 2


def test_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(data_set, path, monkeypatch):
    before = path.read_bytes()

    def savez_on_full_disk(file, **_arrays):
        file.write(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", savez_on_full_disk)
    for target in (path, path.with_name("new.npz")):
        with pytest.raises(OSError, match=r"No space left on device"):
            write_data_set(target, data_set, overwrite=True)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_property_takes_the_place_of_the_energy(data_set, tmp_path):
    gap = np.linspace(0.1, 0.5, 5)
    told = {**METADATA, "energy_origin": {"method": "a", "zero": "b"}}
    whole = DataSet(data_set.states, data_set.energy_per_area, told, {"gap": gap, "bad": np.full(5, np.nan)})
    labelled = whole.labelled_by("gap")
    np.testing.assert_array_equal(labelled.energy_per_area, gap)
    assert labelled.states is whole.states
    assert labelled.metadata == {**METADATA, "energy": "gap: a property of the data, in units relative to 0"}
    assert labelled.properties == {}
    assert message_of(whole.labelled_by, "width") == (
        "A property must be one that the data hold: gap, bad. Received: 'width'"
    )
    assert message_of(data_set.labelled_by, "gap") == "A property must be one that the data hold: none. Received: 'gap'"
    assert message_of(whole.labelled_by, "bad") == "bad must be finite. Received: nan for sheet 0"


def test_other_arrays_are_properties_if_they_are_one_floating_number_for_each_sheet(tmp_path):
    others = {
        "gap": np.array([0.1, 0.2, 0.3], np.float32),
        "number": np.array([1, 2, 3]),
        "two_each": np.zeros((3, 2)),
        "too_few": np.zeros(2),
    }
    read = read_data_set(write_arrays(tmp_path / "a.npz", **others))
    assert list(read.properties) == ["gap"]
    assert read.properties["gap"].dtype == np.float64
    write_data_set(tmp_path / "b.npz", read)
    again = read_data_set(tmp_path / "b.npz")
    np.testing.assert_array_equal(again.properties["gap"], read.properties["gap"])
    assert message_of(DataSet, read.states, read.energy_per_area, METADATA, {"gap": np.zeros(2)}) == (
        "gap must have the shape (3,). Received: shape=(2,)"
    )
