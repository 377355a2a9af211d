"""A material of the user's own, in one file, goes through every command with no change to the package."""

import json
import pickle
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from spins import PottsEnergy, Spins
from test_definition import SPINS

from rugan_tf.data.__main__ import main as data
from rugan_tf.errors import InputError
from rugan_tf.evaluate.__main__ import main as evaluate
from rugan_tf.export.__main__ import main as export
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.formats.zarr_store import open_store
from rugan_tf.generate.__main__ import main as generate
from rugan_tf.generate.tiles import generate_in_tiles, requested_map
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.client.__main__ import main as client
from rugan_tf.systems.named import system_in, system_named
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.train.__main__ import main as train

RunningServer = runpy.run_path(str(Path(__file__).parents[1] / "serve" / "running_server.py"))["RunningServer"]
SPEC = "spins:Spins"
SMALL = {"num-updates": 2, "interval": 2, "batch-size": 4, "critic-steps": 1, "width": 4, "critic-width": 4}


def words(*fixed, **named):
    return [*map(str, fixed), *(word for key, value in named.items() for word in (f"--{key}", str(value)))]


def test_system_is_found_by_its_class_and_is_itself_again_elsewhere():
    system = system_named(SPEC)
    assert isinstance(system, Spins)
    assert (system.spec, system.name) == (SPEC, "spins")
    assert system_named(system.spec) is system
    assert pickle.loads(pickle.dumps(system)) == system == Spins()
    assert system != system_named("porous_graphene") == PorousGraphene()
    assert len({system, Spins(), PorousGraphene()}) == 2
    assert PorousGraphene().spec == "porous_graphene"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("spin", r"one of porous_graphene, .*, FILE.toml, or package.module:Class. Received: 'spin'"),
        ("spins:", r"one of porous_graphene, .*, FILE.toml, or package.module:Class. Received: 'spins:'"),
        ("nowhere.spins:Spins", r"importable here.* Received: nowhere.spins:Spins \(No module named 'nowhere'\)"),
        ("spins:Missing", r"importable here.* Received: spins:Missing"),
        ("spins:Disorder", r"derived from LatticeSystem. Received: spins:Disorder"),
        ("spins:PottsEnergy", r"derived from LatticeSystem. Received: spins:PottsEnergy"),
        ("math:pi", r"derived from LatticeSystem. Received: math:pi, 3.14"),
        ("rugan_tf.systems.system:LatticeSystem", r"must have reference_energies, name, lattice.* Received: rugan_tf"),
    ],
)
def test_what_is_no_system_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        system_named(spec)


def test_the_system_of_a_command_line_is_known_before_its_options():
    assert system_in(["build", "--system", SPEC]) == system_in([f"--system={SPEC}", "x"]) == Spins()
    assert system_in(["build", "--out", "x"]) == system_in(["--system"]) == PorousGraphene()


def test_help_tells_the_drawing_options_of_the_system(capsys):
    for system, option, other in ((SPEC, "--share", "--min-holes"), ("porous_graphene", "--min-holes", "--share")):
        with pytest.raises(SystemExit, match="0"):
            data(["build", "--system", system, "--help"])
        told = capsys.readouterr().out
        assert option in told
        assert other not in told


# A class is needed to read the data again; a function that a file names is not.
@pytest.mark.parametrize(("spec", "is_needed_later"), [("mine:Spins", True), ("mine.toml", False)])
def test_modules_in_the_folder_of_the_user_are_found_by_the_console_script(tmp_path, spec, is_needed_later):
    (tmp_path / "mine.py").write_text((Path(__file__).parent / "spins.py").read_text("utf-8"), "utf-8")
    (tmp_path / "mine.toml").write_text(SPINS.replace("spins:potts", "mine:potts"), "utf-8")
    program = "import sys; sys.path.remove(''); from rugan_tf.data.__main__ import main; sys.exit(main())"
    line = words("build", system=spec, out="s.npz", rows=2, cols=2, processes=2, **{"num-sheets": 3})
    done = subprocess.run([sys.executable, "-c", program, *line], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "J\n" in done.stdout
    if is_needed_later:
        with pytest.raises(InputError, match="importable here"):
            read_data_set(tmp_path / "s.npz")
        return
    data_set = read_data_set(tmp_path / "s.npz")
    assert data_set.system.name == "file_spins"
    np.testing.assert_allclose(data_set.energy_per_area, [PottsEnergy()(one) / 4 for one in data_set.states])


def test_energy_of_spins_counts_every_pair_once():
    energy = PottsEnergy()
    assert energy(np.zeros((4, 6), np.uint8)) == -3 * 24
    single = np.zeros((4, 6), np.uint8)
    single[1, 2] = 2
    assert energy(single) == -3 * 24 + 6
    system = Spins()
    assert len(system.images.permutations(4, 6)) == 4 * 24
    states = system.draw_states(np.random.default_rng(0), 8, 4, 6, system.drawing)
    for image in system.point_images(states):
        assert [energy(one) for one in image] == [energy(one) for one in states]
    assert system.energy_per_area([-72.0], 4, 6) == [-3.0]


def test_spins_of_a_class_become_data_and_a_model(tmp_path, capsys):
    drawn, model = data_and_model(tmp_path, capsys, SPEC, {"share": 0.6}, SPEC)
    assert drawn == {"share": 0.6}
    assert generate(words(model=model, rows=8, cols=6, out=tmp_path / "sheet.npz", **{"energy-per-area": -1.5})) == 0


def test_spins_of_a_file_go_through_every_command_when_it_is_gone(tmp_path, capsys):
    path = tmp_path / "spins.toml"
    path.write_text(SPINS, "utf-8")
    system = system_named(str(path))
    drawn, model = data_and_model(tmp_path, capsys, str(path), {"max-domain": 1.5}, SPINS, path.unlink)
    assert drawn == {"concentration": 1.0, "min_domain": 0.0, "max_domain": 1.5}
    energy = f"{np.median(read_data_set(tmp_path / 'sheets.npz').energy_per_area):.3f}"
    generate_in_every_form(tmp_path, capsys, system, model, energy)
    evaluate_in_its_own_words(tmp_path, capsys, model)
    ask_a_server(tmp_path, system, model, energy)


def data_and_model(tmp_path, capsys, spec, drawing, recorded, forget=lambda: None):
    sheets, run, model = tmp_path / "sheets.npz", tmp_path / "run", tmp_path / "model"
    build = {"num-sheets": 24, "rows": 4, "cols": 4, "processes": 1, **drawing}
    assert data(words("build", system=spec, out=sheets, **build)) == 0
    assert " J\n" in capsys.readouterr().out
    forget()
    data_set = read_data_set(sheets)
    assert data_set.metadata["system"] == recorded
    assert data_set.system == system_named(recorded)
    np.testing.assert_allclose(data_set.energy_per_area, [PottsEnergy()(one) / 16 for one in data_set.states])

    # No EDNN knows these spins, so there are no maps to learn from.
    small = SMALL | {"latent-channels": 3, "judge-sheets": 0, "map-weight": 0}
    assert train(words("quick", "--no-xla", data=sheets, **{"run-dir": run}, **small)) == 0
    assert export(words(out=model, **{"run-dir": run})) == 0
    assert json.loads((model / "1" / "assets.extra" / "rugan.json").read_text())["system"] == recorded
    return data_set.metadata["options"]["drawing"], model


def generate_in_every_form(tmp_path, capsys, system, model, energy):
    asked = ["--energy-per-area", energy, *words(model=model, rows=8, cols=6)]
    for name in ("sheet.npz", "sheet.png"):
        assert generate([*asked, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert generate([*asked, "--out", str(tmp_path / "sheet.extxyz")]) == 2
    assert f"Sheets must have atoms to be structures. Received: {system.name}" in capsys.readouterr().err
    large = tmp_path / "large.zarr"
    assert generate([*words(model=model, rows=16, cols=12, tile=8, out=large), "--energy-per-area", energy]) == 0
    assert open_store(large, system).system == system
    with pytest.raises(InputError, match=r"The sheets must be of ising. Received: file_spins in .*large.zarr"):
        open_store(large, system_named("ising"))
    window = words("window", states=large, size="6", out=tmp_path / "part.npz")
    assert data(window) == 0
    assert json.loads(str(np.load(tmp_path / "part.npz")["metadata"]))["system"] == system.spec


def evaluate_in_its_own_words(tmp_path, capsys, model):
    judged = words(model=model, data=tmp_path / "sheets.npz", out=tmp_path / "evaluation", energy="potts", processes=1)
    judged += [
        "--num-samples",
        "8",
        "4",
        "--num-nearest",
        "2",
        "--num-structures",
        "4",
        "--num-direct",
        "2",
        "--matched",
        "2",
    ]
    assert evaluate(judged) == 0
    shown = capsys.readouterr().out
    assert "(J)" in shown
    assert "eV" not in shown
    content = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert (content["unit"], content["error_unit"]) == ("J", "mJ/site")
    scale = content["scales"]["2x2"]
    assert (scale["validity"], scale["pieces"], scale["copies"]) == (1.0, None, None)
    assert set(scale["structure"]) == {"states", "commonest_state", "two_point_correlation"}
    assert scale["direct"]["mae_mj_per_site"] == 0.0
    page = (tmp_path / "evaluation" / "report.html").read_text("utf-8")
    words_of_atoms = re.findall(r".*(?:eV|Å|atom).*", re.sub(r'src="data:[^"]*"', "", page))
    assert not words_of_atoms


def ask_a_server(tmp_path, system, model, energy):
    server = RunningServer("--port", 0, "--rest_api_port", 0, "--model_name", "spins", "--model_base_path", model)
    try:
        asked = words(server=server.address, out=tmp_path / "served.npz", system=system.spec, rows=8, cols=6)
        asked += ["--model-name", "spins", "--energy-per-area", energy]
        assert client(["generate", *asked]) == 0
        with Client(Connection(server.address, "spins")) as connection:
            whole = connection.generate([float(energy)], 20, 16, seed=3)[0][0]
            asked = requested_map(connection, float(energy), 20, 16, seed=3)
            tiled = generate_in_tiles(connection, system, asked, rows=20, cols=16, seed=3, tile=8)
        np.testing.assert_array_equal(tiled, whole)
    finally:
        server.end()
    for name in ("states", "energy_per_area"):
        np.testing.assert_array_equal(np.load(tmp_path / "served.npz")[name], np.load(tmp_path / "sheet.npz")[name])
