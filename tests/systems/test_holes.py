"""Holes drawn into sheets: where they lie, how many there are, what they leave."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from rugan_tf.lattice import pieces
from rugan_tf.systems.porous_graphene import holes as pores
from rugan_tf.systems.porous_graphene.geometry import LATTICE, cell_lengths, site_positions
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states, inside_holes
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import dangling, keep_largest_piece, num_atoms, occupancies

KEEP = PoreOptions(keep_dangling=True)


def inside_by_images(positions, lengths, centres, radii):
    """Whether any image of any hole covers a site: bool (num_sheets, rows, cols, 2)."""
    inside = np.zeros((len(centres), *positions.shape[:3]), bool)
    for image in np.ndindex(7, 7):
        for centre, radius in zip(centres.swapaxes(0, 1), radii.T, strict=True):
            moved = centre + (np.array(image) - 3) * lengths
            distance = np.linalg.norm(positions - moved[:, None, None, None], axis=-1)
            inside |= distance <= radius[:, None, None, None]
    return inside


def drawn_holes(num_sheets, rows, cols, monkeypatch, options=None):
    """Centres and radii (num_sheets, num_holes) of the holes of a draw; radius -1 for no hole."""
    seen = []

    def spy(positions, lengths, centres, radii):
        seen.append((centres, radii))
        return inside_holes(positions, lengths, centres, radii)

    monkeypatch.setattr(pores, "inside_holes", spy)
    draw_porous_states(np.random.default_rng(11), num_sheets, rows, cols, options)
    return seen[0]


@pytest.mark.parametrize(("rows", "cols"), [(1, 2), (4, 4), (14, 16)])
@pytest.mark.parametrize("options", [PoreOptions(), PoreOptions(max_radius=1.5), KEEP])
def test_no_drawn_sheet_is_pristine(rows, cols, options):
    states = draw_porous_states(np.random.default_rng(0), 2000, rows, cols, options)
    assert states.shape == (2000, rows, cols)
    assert states.dtype == np.uint8
    assert num_atoms(states).max() < 2 * rows * cols


def test_the_smallest_radius_reaches_an_atom_from_everywhere():
    x, y = np.meshgrid(np.linspace(0, 2.46, 60), np.linspace(0, 4.27, 100))
    centres = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    smallest = np.full((len(centres), 1), pores.BOND_LENGTH * 1.0001)
    inside = inside_holes(site_positions(3, 4), cell_lengths(3, 4), centres, smallest)
    assert inside.any(axis=(1, 2, 3)).all()
    a_little_less = inside_holes(site_positions(3, 4), cell_lengths(3, 4), centres, smallest * 0.95)
    assert not a_little_less.any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("radius", [0.0, 0.5, 1.4])
def test_a_hole_shorter_than_a_bond_covers_the_site_it_lies_on(radius):
    positions = site_positions(3, 4)
    centres = positions.reshape(-1, 1, 2)
    inside = inside_holes(positions, cell_lengths(3, 4), centres, np.full((len(centres), 1), radius))
    np.testing.assert_array_equal(inside.reshape(len(centres), -1), np.eye(len(centres), dtype=bool))
    assert PoreOptions(min_radius=pores.BOND_LENGTH).min_radius == pores.BOND_LENGTH


@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (3, 4), (6, 8)])
def test_holes_are_periodic(rows, cols):
    rng = np.random.default_rng(5)
    lengths = cell_lengths(rows, cols)
    centres = rng.uniform(-0.5, 1.5, (40, 3, 2)) * lengths  # also outside the cell
    radii = rng.uniform(1.0, 5.0, (40, 3))
    radii[::2, 2] = -1.0
    expected = inside_by_images(site_positions(rows, cols), lengths, centres, radii)
    np.testing.assert_array_equal(inside_holes(site_positions(rows, cols), lengths, centres, radii), expected)


def test_a_hole_moves_with_its_centre():
    rng = np.random.default_rng(6)
    positions, lengths = site_positions(5, 6), cell_lengths(5, 6)
    centres, radii = rng.uniform(size=(30, 2, 2)) * lengths, rng.uniform(1.5, 4.0, (30, 2))
    inside = inside_holes(positions, lengths, centres, radii)
    for rows, cols in [(1, 0), (0, 2), (3, 4), (4, -2)]:
        moved = inside_holes(positions, lengths, centres + lengths / [5, 6] * [rows, cols], radii)
        np.testing.assert_array_equal(moved, np.roll(inside, (rows, cols), (1, 2)))


def test_number_radius_and_place_of_holes_are_uniform(monkeypatch):
    centres, radii = drawn_holes(4000, 14, 16, monkeypatch)
    num_holes = (radii >= 0).sum(axis=1)
    assert stats.chisquare(np.bincount(num_holes, minlength=13)[1:]).pvalue > 0.01
    assert set(num_holes) == set(range(1, 13))
    assert stats.kstest(radii[radii >= 0], stats.uniform(1.5, 4.5).cdf).pvalue > 0.01
    for axis, length in enumerate(cell_lengths(14, 16)):
        assert stats.kstest(centres[..., axis][radii >= 0], stats.uniform(0, length).cdf).pvalue > 0.01


def test_number_of_holes_follows_the_options(monkeypatch):
    options = PoreOptions(min_holes=0, max_hole_density=0.004, min_radius=2.0, max_radius=2.0)
    _, radii = drawn_holes(600, 14, 16, monkeypatch, options)
    assert set((radii >= 0).sum(axis=1)) == {0, 1, 2, 3, 4, 5}
    assert set(radii.ravel()) == {-1.0, 2.0}


@pytest.mark.parametrize(
    ("rows", "cols", "options", "expected"),
    [
        (14, 16, PoreOptions(), (1, 12)),
        (28, 32, PoreOptions(), (1, 47)),
        (1, 2, PoreOptions(), (1, 1)),
        (1, 2, PoreOptions(min_holes=0), (0, 1)),
        (4, 4, PoreOptions(min_holes=5), (5, 5)),
    ],
)
def test_range_of_the_number_of_holes(rows, cols, options, expected):
    assert options.hole_range(rows, cols) == expected


def test_dangling_atoms_are_removed_unless_kept():
    kept = draw_porous_states(np.random.default_rng(2), 300, 6, 8, KEEP)
    pruned = draw_porous_states(np.random.default_rng(2), 300, 6, 8, PoreOptions())
    assert dangling(kept).any()
    assert not dangling(pruned).any()
    np.testing.assert_array_equal(pruned, prune(kept))


def test_sheets_follow_the_seed():
    def draw(seed):
        return draw_porous_states(np.random.default_rng(seed), 20, 6, 8)

    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any(axis=(1, 2)).mean() > 0.9
    assert len(np.unique(draw(1), axis=0)) > 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_holes": -1}, r"min_holes must not be negative. Received: min_holes=-1"),
        ({"max_hole_density": 0.0}, r"max_hole_density must be positive. Received: max_hole_density=0.0"),
        ({"max_hole_density": np.nan}, r"max_hole_density must be positive. Received: max_hole_density=nan"),
        ({"max_hole_density": np.inf}, r"max_hole_density must be positive. Received: max_hole_density=inf"),
        ({"min_radius": 1.4}, r"1.420 <= min_radius <= max_radius. Received: min_radius=1.4, max_radius=6.0"),
        ({"min_radius": 3, "max_radius": 2}, r"Received: min_radius=3, max_radius=2"),
        ({"max_radius": np.inf}, r"Received: min_radius=1.5, max_radius=inf"),
        ({"max_radius": np.nan}, r"Received: min_radius=1.5, max_radius=nan"),
    ],
)
def test_options_that_contradict_each_other_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        PoreOptions(**change)


def test_options_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PoreOptions().min_holes = 3


def test_bad_size_is_refused():
    with pytest.raises(ValueError, match=r"cols must be even. Received: cols=5"):
        draw_porous_states(np.random.default_rng(0), 1, 4, 5)


def test_the_largest_piece_is_that_of_what_no_longer_dangles():
    """A piece with long tails may be the larger one before they are gone, and the smaller one after."""
    many = PoreOptions(min_holes=6, max_hole_density=0.05, max_radius=4.0)
    kept = draw_porous_states(np.random.default_rng(3), 400, 9, 10, dataclasses.replace(many, keep_dangling=True))
    drawn = draw_porous_states(np.random.default_rng(3), 400, 9, 10, many)
    pruned = prune(kept)
    for before, after in zip(pruned, drawn, strict=True):
        sizes = pieces.piece_sizes(LATTICE, occupancies(before[None]) == 1)[0]
        assert num_atoms(after[None])[0] == max(sizes, default=0)
        assert ((before & after) == after).all()
    # Or the order would not be seen.
    assert (num_atoms(prune(keep_largest_piece(kept))) < num_atoms(drawn)).any()
