import dataclasses
import json
import re

import numpy as np
import pytest
from random_model import save_random_model

from rugan_tf.errors import InputWarning
from rugan_tf.generate.__main__ import main
from rugan_tf.generate.inverse_design import design_sheets
from rugan_tf.generate.sheets import SheetModel


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return SheetModel.load(save_random_model(tmp_path_factory.mktemp("judged") / "1", has_ednn=True))


def energy_by_hand(states):
    return -3.0 * (states % 2 + states // 2).mean(axis=(1, 2)) / 2.0


def test_every_sheet_is_within_the_tolerance_of_its_own_request(model):
    requested = [-1.5, -1.2, -1.5, -1.5]
    design = design_sheets(model, requested, 0.1, 4, 4, seed=5)
    assert (design.states.shape, design.states.dtype) == ((4, 4, 4), np.uint8)
    np.testing.assert_allclose(design.obtained, energy_by_hand(design.states), rtol=1e-6)
    assert np.abs(design.obtained - requested).max() <= 0.1
    assert len({sheet.tobytes() for sheet in design.states}) == 4


def test_counts_are_those_of_all_candidates(model):
    everything = design_sheets(model, [-1.5], 10.0, 4, 4)
    assert (everything.num_candidates, everything.num_within) == (4, 4)  # a call holds 64 // 16 sheets
    some = design_sheets(model, [-1.5] * 8, 0.1, 4, 4)
    assert 8 <= some.num_within < some.num_candidates
    assert some.num_candidates % 4 == 0


def test_same_seed_gives_the_same_sheets_and_fewer_are_the_first_of_more(model):
    many = design_sheets(model, [-1.5] * 6, 0.2, 4, 4, seed=1)
    np.testing.assert_array_equal(design_sheets(model, [-1.5] * 6, 0.2, 4, 4, seed=1).states, many.states)
    np.testing.assert_array_equal(design_sheets(model, [-1.5] * 2, 0.2, 4, 4, seed=1).states, many.states[:2])
    assert (design_sheets(model, [-1.5] * 6, 0.2, 4, 4, seed=2).states != many.states).any()


def test_too_few_sheets_say_how_many_how_near_and_what_the_data_covers(model):
    message = (
        r"There must be 2 sheets within 0\.1 eV/Å² of -8 among max_candidates=10\. Received: 0, and the nearest was "
        r"off by [5-8]\.\d+; the training data covers -3 to 0 eV/Å²"
    )
    with pytest.warns(InputWarning, match="lie outside"), pytest.raises(ValueError, match=message):
        design_sheets(model, [-8.0, -8.0], 0.1, 4, 4, max_candidates=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0.0}, "tolerance must be positive. Received: tolerance=0.0"),
        ({"tolerance": np.nan}, "tolerance must be positive. Received: tolerance=nan"),
        ({"tolerance": 0.1, "max_candidates": 0}, "max_candidates must be at least 1. Received: max_candidates=0"),
    ],
)
def test_bad_options_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        design_sheets(model, [-1.5], rows=4, cols=4, **options)


def test_model_without_an_ednn_is_refused(model_base):
    with pytest.raises(ValueError, match="must be exported with an EDNN inside, --ednn"):
        design_sheets(SheetModel.load(model_base), [-1.5], 0.1, 4, 4)


def told_of(model, **changes):
    """Return the model with another card."""
    return dataclasses.replace(model, card=dataclasses.replace(model.card, **changes))


OTHER_ZERO = {"energy": "ednn: trained on tight-binding: made-up, in eV relative to the pristine sheet (data 0)"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"ednn_metadata": OTHER_ZERO},
            "the training data has energies relative to free atoms, the EDNN inside relative to the pristine sheet",
        ),
        (
            {"ednn_metadata": None},
            "the EDNN inside does not say what its energies are relative to (exported by rugan_tf 0.0.0, whose cards "
            "did not tell: export the run anew)",
        ),
        (
            {"energy_metadata": {}},
            "the training data does not say what its energies are relative to (unknown)",
        ),
    ],
)
def test_ednn_whose_energies_may_mean_something_else_is_told_or_refused(model, changes, sentence):
    told = told_of(model, **changes)
    with pytest.warns(InputWarning) as warned:
        design_sheets(told, [-1.5], 0.2, 4, 4)
    assert [str(one.message) for one in warned] == [f"energies are compared that may not be comparable: {sentence}"]
    with pytest.raises(ValueError, match=f"of one method and one zero. Received: {re.escape(sentence)}"):
        design_sheets(told, [-1.5], 0.2, 4, 4, strict=True)


def test_strict_command_refuses_an_ednn_of_another_zero_and_writes_nothing(model, tmp_path, capsys):
    card = model.folder / "assets.extra" / "rugan.json"
    kept = card.read_text()
    card.write_text(json.dumps(json.loads(kept) | {"ednn": OTHER_ZERO}))
    words = ["--model", str(model.folder), "--energy-per-area", "-1.5", "--tolerance", "0.2"]
    try:
        assert main([*words, "--strict", "--out", str(tmp_path / "sheet.npz")]) == 2
        assert "one method and one zero. Received: the training data has" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []
        assert main([*words, "--out", str(tmp_path / "sheet.npz")]) == 0
        assert "may not be comparable: the training data has" in capsys.readouterr().err
    finally:
        card.write_text(kept)


def test_command_writes_what_was_accepted_and_says_the_rate(model, tmp_path, capsys):
    out = tmp_path / "sheets.npz"
    words = ["--model", str(model.folder), "--energy-per-area", "-1.5", "--tolerance", "0.1"]
    assert main([*words, "--num-sheets", "3", "--out", str(out)]) == 0
    assert "% of " in capsys.readouterr().out
    with np.load(out) as content:
        assert np.abs(energy_by_hand(content["states"]) + 1.5).max() <= 0.1


def test_command_that_finds_too_few_writes_nothing(model, tmp_path, capsys):
    words = ["--model", str(model.folder), "--energy-per-area", "-9", "--tolerance", "0.1", "--max-candidates", "4"]
    assert main([*words, "--out", str(tmp_path / "sheets.npz")]) == 2
    error = capsys.readouterr().err
    assert "lie outside what the training data covers" in error
    assert "Received: 0, and the nearest" in error
    assert list(tmp_path.iterdir()) == []


def test_tolerance_and_no_repair_contradict_each_other(model, tmp_path, capsys):
    words = ["--model", str(model.folder), "--energy-per-area", "-1", "--tolerance", "0.1", "--no-repair"]
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--out", str(tmp_path / "sheets.npz")])
    assert "--tolerance with --no-repair" in capsys.readouterr().err
