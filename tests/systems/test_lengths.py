"""Sizes as people write them become the nearest periodic sheets."""

import numpy as np
import pytest
from spins import Spins

from rugan_tf.systems.lengths import length_of, nearest_size, size_in_words
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("100", 100),
        ("1e4", 1e4),
        ("2.5 Å", 2.5),
        ("7A", 7),
        ("100nm", 1000),
        ("1um", 1e4),
        (".5µm", 5e3),
        ("-3 mm", -3e7),
    ],
)
def test_lengths_with_and_without_units(text, length):
    assert length_of(text, GRAPHENE) == pytest.approx(length)


@pytest.mark.parametrize("text", ["", "nm", "1 ft", "nan", "inf", "1e999", "1e305mm", "1,5", "--1", "1 2"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(ValueError, match=r"A length must be a number, alone or with one of the units Å, A, nm, um"):
        length_of(text, GRAPHENE)


def test_lengths_of_other_units_have_no_nanometres():
    assert length_of("3a", Spins()) == 3.0
    with pytest.raises(ValueError, match=r"one of the units a\. Received: '3nm'"):
        length_of("3nm", Spins())
    assert size_in_words(Spins(), 4000, 4000) == "4000 x 3464.1 a"


@pytest.mark.parametrize("lengths", [(34.44, 34.09), (68, 70), (100, 25), (1e4, 1e4), (7, 7)])
@pytest.mark.parametrize("multiple", [1, 2, 3])
def test_no_other_sheet_is_nearer(lengths, multiple):
    rows, cols = nearest_size(GRAPHENE, [str(length) for length in lengths], multiple)
    steps = multiple, np.lcm(multiple, 2)
    pitches = GRAPHENE.lattice.row_pitch, GRAPHENE.lattice.col_pitch
    for cells, length, step, pitch in zip((rows, cols), lengths, steps, pitches, strict=True):
        others = step * pitch * np.arange(1, 5000)
        assert cells % step == 0
        assert abs(cells * pitch - length) == pytest.approx(np.abs(others - length).min())


def test_one_length_is_a_square():
    assert nearest_size(GRAPHENE, ["100nm"], 2) == nearest_size(GRAPHENE, ["1000", "0.1um"], 2) == (406, 470)
    assert size_in_words(GRAPHENE, 406, 470) == "99.876 x 100.13 nm"
    assert size_in_words(GRAPHENE, 28, 32) == "68.88 x 68.174 Å"


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([], "A size must be one length, or two. Received: none"),
        (["1", "2", "3"], "A size must be one length, or two. Received: 1 2 3"),
        (["0", "50"], "A size must be positive. Received: 0 50"),
        (["50", "-1nm"], "A size must be positive. Received: 50 -1nm"),
        (["2", "50"], "the smallest sheet is 4.92 x 4.26 Å. Received: 2 50"),
    ],
)
def test_sizes_of_nothing_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        nearest_size(GRAPHENE, lengths, 2)
