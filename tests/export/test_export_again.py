"""A model that is exported once more gives what it gave, with what this version computes around its networks."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from conditioned_run import COST, POROSITY, write_conditioned_run
from untrained_run import write_counting_energy, write_run

from rugan_tf.errors import InputError
from rugan_tf.export.__main__ import main
from rugan_tf.export.again import export_again
from rugan_tf.export.saved_model import export_run
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.model_card import MODEL_FILE, read_exported_card, read_run_card, write_exported_card, write_run_card

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")


def ask(model):
    """Sheets and their energies, as arrays by name."""
    size = {"rows": tf.constant(14), "cols": tf.constant(16), "seed": tf.constant(5, tf.int64)}
    answer = model.signatures["generate"](energy_per_area=tf.constant([-2.6, -1.4]), **size)
    return {name: value.numpy() for name, value in answer.items()}


def calibrated_copy(base, folder):
    """A model with a calibration in its card, which an exported graph alone would not tell."""
    shutil.copytree(base / "1", folder)
    card = read_exported_card(folder)
    calibration = Calibration(14, 16, (1.0, 2.0), (-3.0, -1.0), ((0.3, 0.3), (0.2, 0.2)))
    write_exported_card(folder, dataclasses.replace(card, calibration=calibration, rugan_tf="0.1.0"))
    return folder


def test_model_of_maps_is_taken_over_whole(mapped_model, tmp_path, capsys):
    old = tf.saved_model.load(str(mapped_model / "1"))
    assert main(["--model", str(mapped_model), "--out", str(tmp_path / "again")]) == 0
    assert f"{tmp_path / 'again' / '1'}: networks" in capsys.readouterr().out
    new = tf.saved_model.load(str(tmp_path / "again" / "1"))
    assert new.signatures.keys() == old.signatures.keys()
    first, second = (ask(model) for model in (old, new))
    assert np.ptp(first["states"]) > 0
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)
    states = tf.constant(first["states"])
    for name in ("energy", "local_energy"):
        told = [model.signatures[name](states=states)["energy_per_area"].numpy() for model in (old, new)]
        np.testing.assert_array_equal(*told)
        assert np.ptp(told[0]) > 0
    cards = [json.loads((base / "1" / MODEL_FILE).read_text()) for base in (mapped_model, tmp_path / "again")]
    assert cards[0] == cards[1]


def test_calibration_counts_and_the_card_tells_this_version(mapped_model, tmp_path):
    version = export_again(calibrated_copy(mapped_model, tmp_path / "old"), tmp_path / "again")
    size = {"rows": tf.constant(14), "cols": tf.constant(16)}
    given = tf.saved_model.load(str(version)).signatures["calibrate"](energy_per_area=tf.constant([-2.0]), **size)
    np.testing.assert_allclose(given["energy_per_area"], [-1.7], atol=1e-6)
    assert read_exported_card(version).rugan_tf not in (None, "0.1.0")


def test_model_of_conditions_is_taken_over(tmp_path):
    run_dir = write_conditioned_run(tmp_path / "run", POROSITY, COST)
    write_run_card(run_dir, dataclasses.replace(read_run_card(run_dir), training={"width": 6}))
    first = export_run(run_dir, tmp_path / "model", 10_000, write_counting_energy(tmp_path / "ednn"), feedback=2)
    models = [tf.saved_model.load(str(folder)) for folder in (first, export_again(first, tmp_path / "model"))]
    size = {"rows": tf.constant(8), "cols": tf.constant(6), "seed": tf.constant(1, tf.int64)}
    asked = {"porosity": tf.constant([0.5, 0.8]), "cost": tf.constant([-0.5, -0.2])}
    old, new = (model.signatures["generate"](**asked, **size) for model in models)
    assert np.ptp(old["states"]) > 0
    for name in old:
        np.testing.assert_array_equal(old[name], new[name])


@pytest.mark.parametrize(
    ("options", "training", "policy"),
    [
        (
            {"period": (1, 2), "refinements": 1, "window": (14, 16)},
            {"fold_generator": True, "refinements": 1, "window_means": True},
            "float32",
        ),
        ({}, {"mixed_bfloat16": True}, "mixed_bfloat16"),
    ],
)
def test_networks_are_built_as_the_card_tells_and_need_no_ednn(tmp_path, options, training, policy):
    keras.config.set_dtype_policy(policy)
    try:
        run_dir = write_run(tmp_path / "run", **options)
    finally:
        keras.config.set_dtype_policy("float32")
    write_run_card(run_dir, dataclasses.replace(read_run_card(run_dir), training={"width": 6, **training}))
    first = export_run(run_dir, tmp_path / "model", 10_000)
    latent = tf.random.stateless_normal((2, 7, 8, 63), (1, 2))
    answers = [
        tf.saved_model.load(str(folder)).signatures["generate_from_latent"](
            latent=latent, energy_per_area=tf.fill((2, 7, 8), -2.0)
        )["probabilities"]
        for folder in (first, export_again(first, tmp_path / "model"))
    ]
    np.testing.assert_array_equal(*answers)
    assert np.ptp(answers[0], axis=(1, 2)).max() > 0.1


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({}, "how its generator was built"),
        ({"width": 4, "generator": "mine:net"}, "of your own"),
        ({"width": 5}, "one of shape"),
    ],
)
def test_generator_that_the_card_does_not_tell_is_refused(mapped_model, tmp_path, training, said):
    folder = shutil.copytree(mapped_model / "1", tmp_path / "old")
    write_exported_card(folder, dataclasses.replace(read_exported_card(folder), training=training))
    with pytest.raises(InputError, match=said):
        export_again(folder, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Either --run-dir or --model must be given. Received: neither"),
        (["--run-dir", "R", "--model", "M"], "Received: both"),
        (["--model", "M", "--feedback", "2", "--ednn"], "as in the model. Received: --ednn --feedback"),
        # What is the default here may be another number in the model.
        (["--model", "M", "--feedback", "5"], "as in the model. Received: --feedback"),
        (["--model", "M", "--max_cells=4194304", "--no-ednn"], "as in the model. Received: --max-cells --no-ednn"),
    ],
)
def test_one_source_is_named_and_nothing_that_comes_with_it(tmp_path, capsys, words, said):
    assert main(["--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err
