"""Corrections of sheets made in tiles, of generators whose energy jumps, is smooth, or hangs on a step."""

import math

import numpy as np
import pytest

from rugan_tf.generate.corrections import corrected_sheet


class Asked:
    """A generator whose sheet is one cell that counts its requests, and whose energies follow from them."""

    def __init__(self, energy):
        self.energy, self.given = energy, []

    def make(self, given):
        self.given.append(given)
        return np.full((1, 1), len(self.given), np.uint8)

    def judge(self, sheet):
        return self.energy(self.given[sheet[0, 0] - 1])


def opening(given):
    """A pore opens at -2.1: below it a sheet has too little by 0.2, above too much by 0.9."""
    return given - 0.2 if given < -2.1 else given + 0.9


def test_a_request_beside_a_jump_is_met_as_near_as_can_be():
    asked = Asked(opening)
    corrected = corrected_sheet(asked.make, asked.judge, -2.5, -2.0, 6)
    # Steps by what is missing: -2.0 gives -1.1, so -3.4 is asked for, gives -3.6, and so -2.3 is next, and so on.
    assert asked.given[:3] == pytest.approx([-2.0, -3.4, -2.7])
    assert asked.judge(corrected.states) == pytest.approx(-2.5, abs=0.05)
    assert corrected.given == asked.given[corrected.states[0, 0] - 1]


def test_steps_are_what_is_missing_until_both_sides_are_known():
    asked = Asked(lambda given: 0.5 * given)
    corrected_sheet(asked.make, asked.judge, 1.0, 1.0, 3)
    assert asked.given == pytest.approx([1.0, 1.5, 1.75, 1.875])


def test_the_nearest_of_all_sheets_is_kept_and_the_first_of_equal_ones():
    asked = Asked(lambda given: {1.0: 0.9, 1.1: 1.3, 1.05: 0.7}.get(round(given, 6), math.inf))
    corrected = corrected_sheet(asked.make, asked.judge, 1.0, 1.0, 2)
    assert asked.given == pytest.approx([1.0, 1.1, 1.05])
    assert (corrected.states[0, 0], corrected.given) == (1, 1.0)
    asked = Asked(lambda given: 2.0)
    assert corrected_sheet(asked.make, asked.judge, 1.0, 1.0, 4).states[0, 0] == 1


def test_without_rounds_nothing_is_judged():
    asked = Asked(None)
    assert corrected_sheet(asked.make, asked.judge, 1.0, 0.5, 0).given == 0.5
    assert asked.given == [0.5]
