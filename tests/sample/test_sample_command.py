import json

import numpy as np
import pytest

from rugan_tf.formats.data_set import read_data_set
from rugan_tf.sample import sampling
from rugan_tf.sample.__main__ import main

ISING = ("--system", "ising")


def run(capsys, *args):
    try:
        code = main([str(arg) for arg in args])
    except SystemExit as stop:  # what options refuse, told in a box
        code = stop.code
    return code, capsys.readouterr()


def test_canonical_run_writes_sheets_of_every_temperature(capsys, tmp_path):
    out = tmp_path / "spins.npz"
    command = (
        "canonical", "--temperatures", 5, 8, *ISING, "--rows", 4, "--cols", 6, "--num-chains", 8,
        "--num-steps", 120, "--out", out,
    )  # fmt: skip
    code, said = run(capsys, *command)
    assert code == 0
    assert said.out.splitlines()[0].endswith(" sheets of 4x6 cells")
    assert said.out.count("independent sheets") == 2
    content = json.loads(out.with_suffix(".json").read_text("utf-8"))
    data = read_data_set(out)
    assert data.states.shape[1:] == (4, 6)
    with np.load(out) as archive:
        temperature = archive["temperature"]
    assert sorted(set(temperature)) == [5, 8]
    low, high = content["sampled"]
    assert (low["temperature"], high["temperature"]) == (5, 8)
    assert low["energy_per_area_mean"] < high["energy_per_area_mean"] < 0
    assert low["independent_sheets"] == pytest.approx(960 / low["longest_autocorrelation_steps"])
    assert low["num_written"] == (temperature == 5).sum() <= low["independent_sheets"] + 8
    first, last = low["independent_sheets_per_second_interval_95"]
    assert first <= low["independent_sheets_per_second"] <= last
    assert content["measure"].endswith("the composition is free")
    assert len(low["structure_factor"]["wave_number"]) == len(low["structure_factor"]["standard_error"])
    of_sheets = [-(spins * (np.roll(spins, 1, 0) + np.roll(spins, 1, 1))).mean() for spins in 2.0 * data.states - 1]
    np.testing.assert_allclose(data.energy_per_area, of_sheets)
    assert data.metadata["energy_origin"]["zero"] == "as many equal neighbours as unequal ones"
    assert out.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spins.json", "spins.npz", "spins.png"]
    assert run(capsys, *command) == (
        2,
        ("", f"rugan sample: The file must not exist, or --overwrite be given. Received: {out}\n"),
    )


def test_window_of_the_shipped_material(capsys, tmp_path, monkeypatch):
    """A short run: too short for an autocorrelation time, which is said, with no number given."""
    out = tmp_path / "sheets.npz"
    command = (
        "window", "--energy-per-area", -2.2, "--width", 0.05, "--num-replicas", 2, "--rows", 6, "--cols", 6,
        "--num-chains", 4, "--num-steps", 17, "--num-burn-in", 20, "--flips-per-step", 20, "--out", out,
    )  # fmt: skip
    code, said = run(capsys, *command)
    assert code == 0
    assert "no autocorrelation time: chains must be 20 times as long" in said.out
    content = json.loads(out.with_suffix(".json").read_text("utf-8"))
    (sampled,) = content["sampled"]
    for name in ("longest_autocorrelation_steps", "independent_sheets", "independent_sheets_per_second"):
        assert sampled[name] is None
    data = read_data_set(out)
    assert len(data.states) == sampled["num_written"] == 4
    assert data.system.is_valid(data.states).all()
    assert np.abs(data.energy_per_area + 2.2).max() < 0.3
    judged = sampling.energy_named(data.system, "ednn").energies(data.states) / data.system.area(6, 6)
    np.testing.assert_allclose(data.energy_per_area, judged, atol=1e-5)
    assert len(content["replicas"]) == 2
    assert all(0 < one["flips_accepted"] < one["flips_that_kept_the_rule"] < 1 for one in content["replicas"])

    def interrupted(self, step, states, tilt, steps, number):
        if number == 3:
            raise KeyboardInterrupt
        return computed(self, step, states, tilt, steps, number)

    from rugan_tf.sample.chains import Chains

    computed = Chains.computed
    again = tmp_path / "again.npz"
    monkeypatch.setattr(Chains, "computed", interrupted)
    assert run(capsys, *command[:-1], again)[0] == 130
    assert not again.exists()
    assert again.with_suffix(".progress").is_dir()
    monkeypatch.setattr(Chains, "computed", computed)
    assert run(capsys, *command[:-1], again)[0] == 0
    resumed = read_data_set(again)
    np.testing.assert_array_equal(resumed.states, data.states)
    np.testing.assert_array_equal(resumed.energy_per_area, data.energy_per_area)
    assert not again.with_suffix(".progress").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("canonical", "--temperatures", 2.0), "Replica exchange needs at least 2 replicas. Received: 1"),
        (("canonical",), "Replica exchange needs at least 2 replicas. Received: 0"),
        (("canonical", "--temperatures", 0, 1), "temperatures must be positive. Received: 0 1"),
        (("canonical", "--temperatures", -1, 1), "temperatures must be positive. Received: -1 1"),
        (("canonical", "--temperatures", "nan", 1), "temperatures must be positive. Received: nan 1"),
        (("canonical", "--temperatures", 2, 1), "temperatures must ascend. Received: 2 1"),
        (("window", "--num-replicas", 1), "Replica exchange needs at least 2 replicas. Received: 1"),
        (("window", "--width", 0), "width must be positive. Received: width=0.0"),
        (("window", "--widest", 0.001), "widest must be larger than width=0.01. Received: widest=0.001"),
        (("window", "--energy-per-area", "nan"), "energy_per_area must be finite. Received: energy_per_area=nan"),
        (("window", "--patch", 0, 1), "patch must be at least 1 1. Received: 0 1"),
        (("window", "--flips-per-step", 0), "flips_per_step must be at least 1. Received: flips_per_step=0"),
        (("window", "--num-chains", 0), "num_chains must be at least 1. Received: num_chains=0"),
        (("window", "--seed", -1), "seed must not be negative, and must fit into 63 bits. Received: seed=-1"),
        (("window", "--cols", 7), "cols must be even. Received: cols=7"),
        (
            ("window", "--energy", "tight-binding"),
            "Monte Carlo needs an energy that is a sum over places: an EDNN, or one that says its reach. "
            "Received: tight-binding",
        ),
        (("window", "--energy", "ednn:nowhere"), "The folder of an EDNN must exist"),
        (
            ("window", *ISING, "--energy", "ednn:saved_models/porous_graphene_ednn"),
            "The EDNN must be of ising. Received: one of porous_graphene",
        ),
        (
            ("canonical", *ISING, "--temperatures", 1, 2, "--chemical-potentials", "C", -9.8),
            "Chemical potentials must be of down, up. Received: C",
        ),
        (
            ("window", *ISING, "--energy-per-area", -5, "--rows", 4, "--cols", 4, "--num-chains", 4),
            "A window must hold sheets that chains find. Received: energy_per_area=-5, width=0.01; the nearest sheet "
            "that 4 chains found is 3 off",
        ),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(capsys, tmp_path, command, message):
    code, said = run(capsys, *command, "--num-steps", 40, "--out", tmp_path / "out.npz")
    assert code == 2
    assert message in " ".join(said.err.split())
    assert not (tmp_path / "out.npz").exists()
    assert not (tmp_path / "out.json").exists()


def test_out_must_be_an_npz(capsys, tmp_path):
    code, said = run(capsys, "window", "--out", tmp_path / "out.zarr")
    assert code == 2
    assert f"--out must end in .npz. Received: {tmp_path / 'out.zarr'}" in " ".join(said.err.split())
