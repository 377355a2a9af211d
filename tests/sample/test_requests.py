import numpy as np

from rugan_tf.energies.named import energy_named
from rugan_tf.sample.requests import sheets_near
from rugan_tf.systems.named import system_named

ISING = system_named("ising")


def test_every_chain_answers_its_own_request():
    requested = np.array([-1.4, -1.0, -0.6, -0.2] * 8)
    judge = energy_named(ISING, "ising")
    found = sheets_near(ISING, judge, requested, 8, 8, width=0.05, num_steps=48, seed=3)
    np.testing.assert_array_equal(found.energy_per_area, judge.energies(found.states) / 64)
    off = found.energy_per_area - requested
    assert np.abs(off).max() < 0.2
    assert abs(off.mean()) < 0.03
    assert len({sheet.tobytes() for sheet in found.states}) == 32


def test_the_seed_gives_the_sheets_and_what_no_sheet_meets_is_answered_all_the_same():
    requested = np.array([5.0, -1.0])
    judge = energy_named(ISING, "ising")
    found, again, other = (
        sheets_near(ISING, judge, requested, 4, 4, width=0.1, num_steps=8, seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(again.states, found.states)
    assert (other.states != found.states).any()
    assert found.energy_per_area[0] > 1 > 0 > found.energy_per_area[1]
