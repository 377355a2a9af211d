import numpy as np
import pytest
from planar import atoms_of, porous, porous_states, primitive_graphene

from rugan_tf.physics.levels import k_grid
from rugan_tf.physics.total_energy import colours, exact_energy, linear_scaling_energy
from rugan_tf.systems.porous_graphene.reference import sheet_energy


@pytest.mark.parametrize("seed", range(3))
def test_exact_energy_at_gamma_is_the_reference_energy(seed):
    states = porous_states(seed, 6, 8)
    assert exact_energy(atoms_of(states)) == pytest.approx(sheet_energy(states), abs=1e-8)


def test_exact_energy_on_k_points_is_that_of_the_repeated_sheet():
    states = porous_states(0, 4, 6)
    on_grid = exact_energy(atoms_of(states), k_points=k_grid(3, 2))
    assert 6 * on_grid == pytest.approx(sheet_energy(np.tile(states, (3, 2))), abs=1e-7)


def test_half_of_the_entropy_extrapolates_to_no_smearing():
    atoms = porous(1, 6, 8)
    cold, warm = (exact_energy(atoms, smearing=smearing) for smearing in (0.002, 0.05))
    free = exact_energy(atoms, smearing=0.05, free=True)
    assert abs(free - cold) < 0.5 * abs(warm - cold)


def test_energy_by_polynomials_is_exact_where_every_orbital_has_its_own_vector():
    atoms = porous(2, 4, 6)
    count = len(atoms.positions)
    estimate = linear_scaling_energy(atoms, num_repetitions=2, separations=(9.0, 9.0), smearing=0.4)
    assert estimate.energy == pytest.approx(exact_energy(atoms, smearing=0.4), abs=1e-4 * count)
    assert estimate.standard_error < 1e-6 * count
    assert estimate.energy_per_atom == estimate.energy / count
    assert estimate.num_vectors == 2 * 4 * count


def test_error_bars_hold_the_exact_energy():
    inside, errors = 0, []
    for seed in range(8):
        atoms = porous(seed, 8, 10)
        estimate = linear_scaling_energy(atoms, num_repetitions=4, separations=(2.6, 2.6), smearing=0.4, seed=seed)
        off = estimate.energy - exact_energy(atoms, smearing=0.4)
        inside += abs(off) <= estimate.interval
        errors.append(off / estimate.standard_error)
    assert inside >= 7
    assert np.max(np.abs(errors)) > 0.5


def test_skewed_cells_and_twists_have_the_energy_of_exact_levels():
    atoms, twist = primitive_graphene(4), (0.25, 0.5)
    estimate = linear_scaling_energy(atoms, separations=(3.0, 3.0), smearing=0.4, twist=twist)
    point = [k_grid(1, 1)[0]._replace(twist=twist)]
    assert estimate.energy == pytest.approx(exact_energy(atoms, k_points=point, smearing=0.4), abs=estimate.interval)
    assert 0 < estimate.interval < 0.05 * len(atoms.positions)


def test_the_same_seed_gives_the_same_energy_on_any_number_of_cores():
    atoms = porous(0, 6, 8)
    asked = []
    one, two, other = (
        linear_scaling_energy(
            atoms, num_repetitions=2, separations=(1.5, 1.5), smearing=0.5, seed=seed, threads=threads,
            progress=lambda done, total: asked.append((done, total)),
        )
        for seed, threads in ((0, 1), (0, 2), (1, 2))
    )  # fmt: skip
    assert one.energy == pytest.approx(two.energy, abs=1e-7)
    assert abs(one.energy - other.energy) > 1e-3
    assert asked[one.num_vectors - 1] == (one.num_vectors, one.num_vectors)


@pytest.mark.parametrize("atoms", [porous(0, 14, 16), primitive_graphene(6)], ids=["porous", "skewed"])
def test_atoms_of_a_colour_are_far_apart(atoms):
    colour = colours(atoms, 4.3)
    shifts = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) @ atoms.cell
    assert set(colour) == set(range(colour.max() + 1))
    assert colour.max() < 20
    for one in range(colour.max() + 1):
        here = atoms.positions[colour == one]
        distance = np.linalg.norm(here[:, None, None] - here[:, None] - shifts, axis=-1)
        assert np.sort(distance.ravel())[len(here)] >= 4.3


def test_an_error_bar_needs_repetitions():
    with pytest.raises(ValueError, match=r"at least 2 repetitions. Received: num_repetitions=1"):
        linear_scaling_energy(porous(0, 4, 4), num_repetitions=1)
    with pytest.raises(ValueError, match="separations must be positive"):
        linear_scaling_energy(porous(0, 4, 4), separations=(0.0, 1.0))
