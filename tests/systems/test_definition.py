"""A material described by a file: what it says, what is refused, and that it is known by its content."""

import pickle

import numpy as np
import pytest
from spins import PottsEnergy, Spins

from rugan_tf.data.__main__ import main as data
from rugan_tf.ednn.__main__ import main as cross_check
from rugan_tf.energies.function import Work
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.systems.domains import RandomDomains
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import SYSTEMS, system_named

SPINS = """
name = "file_spins"
states = [["red"], ["green"], ["blue"]]
[lattice]
length_unit = "a"
row_pitch = 1
col_pitch = 0.8660254037844386
col_shift = 0.5
reach = 1.1
[quantity]
total_unit = "J"
per = "site"
[energies.potts]
function = "spins:potts"
zero = "no equal neighbours"
[drawing]
max_domain = 2
"""
ATOMS = """
name = "alloy"
atoms = true
states = [["C", "C"], ["", "N"], ["B", "N"]]
[lattice]
row_pitch = 2.46
col_pitch = 2.13
col_shift = 0.5
reach = 1.56
sites = [[0, 0], [0, 1.42]]
[quantity]
total_unit = "eV"
per = "area"
"""


def written(folder, text):
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def replaced(text, before, after):
    assert before in text
    return text.replace(before, after)


def test_a_file_says_what_a_class_says(tmp_path):
    system, other = system_named(str(written(tmp_path, SPINS))), Spins()
    assert (system.name, system.lattice, system.species) == ("file_spins", other.lattice, other.species)
    assert (system.quantity, system.length_unit, system.atoms) == (other.quantity, "a", None)
    assert system.drawing == RandomDomains(max_domain=2.0)
    states = system.draw_states(np.random.default_rng(0), 5, 4, 6, system.drawing)
    energy = system.reference_energies["potts"]
    assert [energy(sheet) for sheet in states] == [PottsEnergy()(sheet) for sheet in states]
    assert energy.origin.zero == "no equal neighbours"
    assert len(system.images.permutations(4, 6)) == len(other.images.permutations(4, 6))
    assert set(system.statistics(states)) == {"states", "commonest_state", "two_point_correlation"}


def test_a_file_of_atoms_makes_structures(tmp_path):
    system = system_named(str(written(tmp_path, ATOMS)))
    assert (system.quantity.unit, system.quantity.words) == ("eV/Å²", "energy per area")
    structure = system.structure(np.array([[0, 1], [2, 0]], np.uint8))
    assert structure.get_chemical_formula() == "C4BN2"
    assert system.drawing is None
    assert not system.reference_energies
    with pytest.raises(InputError, match=r"must know an energy to be its reference. Received: alloy"):
        _ = system.reference_name


CONDITION = """
[conditions.red_share]
by_state = [1, 0, 0]
words = "share of red"
unit = "%"
[conditions.tone]
by_state = [-0.5, 0, 2]
"""


def test_a_file_says_what_sheets_can_be_asked_for_beside_the_energy(tmp_path):
    plain = system_named(str(written(tmp_path, SPINS)))
    system = system_named(str(written(tmp_path, SPINS + CONDITION)))
    # More to ask for makes no other material: what was made before goes on being usable.
    assert system == plain
    origin = EnergyOrigin("potts", None, "")
    assert plain.properties(origin, 2, 2) == {}
    made = {name: make() for name, make in system.properties(origin, 2, 2).items()}
    assert {name: (one.words, one.unit) for name, one in made.items()} == {
        "red_share": ("share of red", "%"),
        "tone": ("tone", ""),
    }
    sheets = np.array([[[0, 0], [1, 2]], [[2, 2], [2, 1]]], np.uint8)
    np.testing.assert_array_equal(made["red_share"].rule.values(sheets, None), [0.5, 0])
    np.testing.assert_array_equal(made["tone"].rule.values(sheets, None), [0.25, 1.5])


def test_ising_sheets_can_be_asked_for_a_magnetisation():
    (condition,) = [make() for make in SYSTEMS["ising"].properties(EnergyOrigin("ising", None, ""), 4, 4).values()]
    sheets = np.zeros((2, 4, 4), np.uint8)
    sheets[1, :3] = 1
    assert (condition.name, condition.unit) == ("magnetisation", "")
    np.testing.assert_array_equal(condition.rule.values(sheets, None), [-1, 0.5])


def test_it_is_known_by_its_content_where_the_file_is_gone(tmp_path):
    path = written(tmp_path, SPINS)
    system = system_named(str(path))
    path.unlink()
    again = system_named(system.spec)
    assert again == system
    assert hash(again) == hash(system)
    assert pickle.loads(pickle.dumps(system)) == system
    same = system_named(str(written(tmp_path, "# another comment\n" + SPINS)))
    assert same == system != system_named(str(written(tmp_path, replaced(SPINS, "max_domain = 2", ""))))
    assert system != Spins()
    assert Spins() != system


def test_the_file_of_a_system_of_the_package_is_that_system(tmp_path):
    content = replaced(SPINS, '"file_spins"', '"ising"')
    with pytest.raises(InputError, match=r"name of its own, not one of porous_graphene, .*Received: 'ising' in .*mine"):
        system_named(str(written(tmp_path, content)))
    for name in ("ising", "boron_nitride"):
        folder = __import__(f"rugan_tf.systems.{name}", fromlist=["__file__"]).__path__[0]
        assert system_named(f"{folder}/{name}.toml") is SYSTEMS[name]


@pytest.mark.parametrize(
    ("text", "before", "after", "message"),
    [
        (SPINS, "name =", "name", r"must be TOML. Received: .*line 2.* in .*mine.toml"),
        (SPINS, 'name = "file_spins"', "", r"name must be given, text. Received: none in .*mine.toml"),
        (SPINS, '"file_spins"', '"my spins"', r"name must be a word .* Received: 'my spins' in"),
        (SPINS, "row_pitch = 1", "row_picth = 1", r"lattice.row_pitch must be given, a number. Received: none"),
        (SPINS, "reach", "wave = 1\nreach", r"\[lattice\] must hold only .*reach.*. Received: 'wave' in .*mine.toml"),
        (SPINS, "[drawing]", "[drawings]", r"must hold only .*, drawing. Received: 'drawings' in .*mine.toml"),
        (SPINS, "row_pitch = 1", 'row_pitch = "one"', r"lattice.row_pitch must be a number. Received: 'one' in"),
        (SPINS, "row_pitch = 1", "row_pitch = true", r"lattice.row_pitch must be a number. Received: True in"),
        (SPINS, "row_pitch = 1", "row_pitch = -1", r"row_pitch must be positive. Received: row_pitch=-1.0 in"),
        (SPINS, "= 0.5", "= 1.5", r"col_shift must lie in \[0, 1\). Received: col_shift=1.5 in .*mine.toml"),
        (SPINS, '["blue"]', '["blue", "b"]', r"each of the 1 sites .*Received: state 2 with 2, \['blue', 'b'\]"),
        (SPINS, '["blue"]', '"blue"', r"must be a list of texts, one a site. Received: 'blue' in"),
        (SPINS, '["blue"]', '["red"]', r"States must differ. Received: \['red'\] as states 0 and 2 in"),
        (SPINS, ', ["green"], ["blue"]', "", r"2 to 256 states. Received: 1 in"),
        (
            SPINS + CONDITION,
            "[1, 0, 0]",
            "[1, 0]",
            r"conditions.red_share.by_state must be a number for each of the ",
        ),
        (SPINS + CONDITION, "[1, 0, 0]", "[1, 1, 1]", r"not all of them equal. Received: \[1, 1, 1\] in .*mine.toml"),
        (SPINS + CONDITION, "[1, 0, 0]", "[1, true, 0]", r"a number for each .*Received: \[1, True, 0\] in"),
        (SPINS + CONDITION, "[1, 0, 0]", f"[1{400 * '0'}, 0, 0]", r"must be a number for each of the 3 states"),
        (SPINS + CONDITION, "[1, 0, 0]", "[1, nan, 0]", r"a number for each .*Received: \[1, nan, 0\] in"),
        (SPINS + CONDITION, "by_state = [1, 0, 0]", "", r"conditions.red_share.by_state must be given, a list"),
        (SPINS + CONDITION, 'unit = "%"', 'units = "%"', r"must hold only by_state, words, unit. Received: 'units'"),
        (
            SPINS + CONDITION,
            ".red_share",
            ".energy_per_area",
            r"must be named .* Received: 'energy_per_area' in .*mine.toml",
        ),
        (
            SPINS,
            "reach = 1.1",
            "reach = 0.9",
            r"distance of the nearest two sites, 1. Received: reach=0.9 in",
        ),
        (ATOMS, "reach = 1.56", "reach = 1.4", r"nearest two sites, 1.42. Received: reach=1.4 in .*mine.toml"),
        (SPINS, "total_unit", "unit", r"\[quantity\] must hold total_unit, .* words is optional. Received: unit, per"),
        (SPINS, "[quantity]", "[amount]", r"\[quantity\] must hold total_unit, a text, and per, .*Received: none in"),
        (SPINS, '"site"', '"cell"', r"per must be area or site. Received: 'cell' in"),
        (SPINS, '"spins:potts"', '"potts"', r"function must be package.module:function or ase.*Received: 'potts'"),
        (SPINS, "zero", "null", r"\[energies.potts\] must hold only function, .*Received: 'null' in"),
        (ATOMS, '"B"', '"Q"', r"must hold chemical symbols. Received: 'Q' in"),
        (ATOMS, "[lattice]", '[lattice]\nlength_unit = "a"', r"lengths of atoms must be in Å. Received: 'a' in"),
        (ATOMS, "[0, 1.42]", "[0, 0]", r"sites must differ. Received: \(0.0, 0.0\) and \(0.0, 0.0\) in .*mine"),
        (ATOMS, "[0, 1.42]", "[1.23, 2.13]", r"sites must differ. Received: \(0.0, 0.0\) and \(1.23, 2.13\) in"),
        (ATOMS, "[0, 1.42]", "[0]", r"must be pairs of numbers \[x, y\]. Received: \[0\] in"),
    ],
)
def test_what_describes_no_material_is_refused_by_the_name_of_the_file(tmp_path, text, before, after, message):
    with pytest.raises(InputError, match=message):
        system_named(str(written(tmp_path, replaced(text, before, after))))


def test_record_of_elements_that_there_are_not_makes_no_structures():
    states = np.array([[2, 0], [0, 2]], np.uint8)
    assert system_named(ATOMS).structure(states).get_chemical_symbols().count("B") == 2
    with pytest.raises(InputError, match=r"must hold chemical symbols. Received: 'Q' in alloy"):
        system_named(replaced(ATOMS, '"B"', '"Q"')).structure(states)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be text that can be read. Received: .*none.toml"):
        system_named(str(tmp_path / "none.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"must be text that can be read. Received: .*binary.toml"):
        system_named(str(tmp_path / "binary.toml"))


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("size = 1", r"\[drawing\] must hold only by, concentration.* Received: 'size' for file_spins"),
        ('max_domain = "2"', r"drawing.max_domain must be like 0.0. Received: '2' for file_spins"),
        ("max_domain = -1", r"0 <= min_domain <= max_domain. Received: min_domain=0.0, max_domain=-1.0"),
        ('by = "nowhere:Class"', r"The drawing of file_spins must be importable.*No module named 'nowhere'"),
        ('by = "spins:potts"', r"a frozen dataclass with the method draw_states. Received: spins:potts"),
    ],
)
def test_drawings_that_are_none_are_refused_when_they_are_asked_for(tmp_path, after, message):
    system = system_named(str(written(tmp_path, replaced(SPINS, "max_domain = 2", after))))
    with pytest.raises(InputError, match=message):
        _ = system.drawing


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nowhere:energy", r"The energy potts of file_spins must be importable.*No module named 'nowhere'"),
        ("spins:NOTHING", r"The energy potts of file_spins must be importable"),
        ("spins:__name__", r"must be a function of sheets. Received: spins:__name__, 'spins'"),
        ("pickle:loads", r"must not be of Python's own modules. Received: pickle:loads"),
        (
            'ase:subprocess:Popen:{\\"args\\": \\"true\\"}',
            r"must not be of Python's own modules. Received: subprocess:Popen",
        ),
        ("ase:numpy:ndarray", r"must have get_potential_energy. Received: numpy:ndarray"),
        ("ase:ase.calculators.lj:Nobody", r"must be importable. Received: ase.calculators.lj:Nobody"),
    ],
)
def test_energies_that_are_none_are_refused_before_any_work_and_hinder_nobody_else(tmp_path, function, message):
    system = system_named(str(written(tmp_path, replaced(SPINS, "spins:potts", function))))
    energy = system.reference_energies[system.reference_name]
    with pytest.raises(InputError, match=message):
        _ = energy.origin
    assert pickle.loads(pickle.dumps(energy)) == energy


def test_a_labelling_goes_on_with_the_material_it_began_with_alone(tmp_path):
    """The lattice places the atoms: what was computed at one pitch is no energy at another."""
    text = ATOMS + '[energies.lj]\nfunction = "ase:ase.calculators.lj:LennardJones"\n'
    states = np.zeros((2, 4, 4), np.uint8)
    work = Work(processes=1, journal=tmp_path / "kept.progress")
    material = system_named(str(written(tmp_path, text)))
    before = energy_named(material, "lj").energies(states, work)
    other = system_named(str(written(tmp_path, replaced(text, "row_pitch = 2.46", "row_pitch = 2.60"))))
    with pytest.raises(InputError, match=r"Received: .*kept.progress"):
        energy_named(other, "lj").energies(states, work)
    np.testing.assert_array_equal(energy_named(material, "lj").energies(states, work), before)


def test_energies_relative_to_single_states_count_what_borders_cost(tmp_path):
    text = replaced(SPINS, 'zero = "no equal neighbours"', "relative_to_states = true")
    energy = system_named(str(written(tmp_path, text))).reference_energies["potts"]
    for state in range(3):
        assert energy(np.full((4, 6), state, np.uint8)) == 0
    states = np.random.default_rng(0).integers(0, 3, (4, 6), np.uint8)
    assert energy(states) == pytest.approx(PottsEnergy()(states) + 3 * 24)
    assert energy.origin == EnergyOrigin(
        "potts",
        "sheets that hold one state alone",
        "potts: spins:potts, in J relative to sheets that hold one state alone",
    )


@pytest.mark.parametrize("lattice", [Lattice(1.0, 1.0, 1.1), Lattice(2.46, 2.13, 1.5, ((0.0, 0.0), (0.0, 1.42)), 0.5)])
def test_random_domains_have_the_shares_and_the_size_that_are_asked_for(lattice):
    class Three:
        num_states = 3

    Three.lattice = lattice
    many = RandomDomains(concentration=1e6).draw_states(Three, np.random.default_rng(0), 400, 6, 8)
    assert np.bincount(many.ravel()) / many.size == pytest.approx([1 / 3] * 3, abs=0.012)  # three standard errors
    for columns in (many[..., ::2], many[..., 1::2]):
        assert (columns == 0).mean() == pytest.approx(1 / 3, abs=0.015)
    alike = [(many == np.roll(many, shift, (1, 2))).mean() for shift in ((0, 2), (2, 0))]
    assert alike == pytest.approx([1 / 3] * 2, abs=0.015)
    large = RandomDomains(1e6, 1.5, 1.5).draw_states(Three, np.random.default_rng(0), 400, 12, 12)
    assert (large == np.roll(large, 1, 1)).mean() > 0.5
    shares = RandomDomains(1.0).draw_states(Three, np.random.default_rng(1), 4000, 8, 8)
    share = (shares == 0).mean(axis=(1, 2))
    # The share of one state has the beta distribution (1, 2): variance 1/18, and the scatter of 64 cells besides.
    assert share.var() == pytest.approx(1 / 18 + (1 / 3 - 1 / 9 - 1 / 18) / 64, rel=0.08)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concentration": 0.0}, r"concentration must be positive. Received: concentration=0.0"),
        ({"min_domain": 2.0, "max_domain": 1.0}, r"min_domain <= max_domain. Received: min_domain=2.0, max_domain=1"),
    ],
)
def test_impossible_domains_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        RandomDomains(**options)


def test_a_function_of_many_sheets_is_called_once(tmp_path):
    many = replaced(SPINS, '"spins:potts"', '"numpy:count_nonzero"\nmany_sheets = true')
    energy = energy_named(system_named(str(written(tmp_path, many))), "potts")
    with pytest.raises(InputError, match=r"must have the shape \(2,\). Received: shape=\(\) from numpy:count_nonzero"):
        energy.energies(np.zeros((2, 2, 2), np.uint8))
    text = replaced(many, "count_nonzero", "zeros_like")
    with pytest.raises(InputError, match=r"must have the shape \(2,\). Received: shape=\(2, 2, 2\)"):
        energy_named(system_named(str(written(tmp_path, text))), "potts").energies(np.zeros((2, 2, 2), np.uint8))
    text = replaced(many, "numpy:count_nonzero", "spins:colours")
    energy = energy_named(system_named(str(written(tmp_path, text))), "potts")
    states = np.array([[[0, 1]], [[2, 2]], [[0, 0]]], np.uint8)
    assert energy.is_fast
    assert energy.energies(states).tolist() == [1, 4, 0]
    assert energy.energies(states[:0]).shape == (0,)


def test_commands_refuse_a_bad_file_in_one_line(tmp_path, capsys):
    path = written(tmp_path, replaced(SPINS, '["blue"]', '["blue", "b"]'))
    for line in (["build"], ["label", "--states", "a.npz"], ["import", "--structures", "a.cif"]):
        assert data([*line, "--system", str(path), "--out", str(tmp_path / "out.npz")]) == 2
        told = capsys.readouterr().err
        assert "each of the 1 sites of a cell. Received: state 2 with 2, ['blue', 'b'], in" in told
        assert told.count("\n") == 1
    assert cross_check(["cross-check", f"--system={path}", "--out", str(tmp_path / "out")]) == 2
    assert str(path) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
