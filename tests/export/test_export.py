"""What `rugan export` writes, asked in this process and in one that has never heard of this package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from untrained_run import CHANNELS, FACTS, build_generator, write_counting_energy, write_run

from rugan_tf.export.__main__ import main
from rugan_tf.export.saved_model import export_run
from rugan_tf.generate.latent import draw_latent
from rugan_tf.saved.model_card import read_exported_card
from rugan_tf.systems.named import system_named

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

MAX_CELLS = 10_000
SIZES = [(14, 16), (28, 32), (2, 2), (50, 34)]
ENERGIES = np.array([-2.5, -1.5], np.float32)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def version(run_dir, tmp_path_factory):
    return export_run(run_dir, tmp_path_factory.mktemp("models"), MAX_CELLS)


@pytest.fixture(scope="module")
def loaded(version):
    return tf.saved_model.load(str(version))


@pytest.fixture
def graphene():
    return system_named("porous_graphene")


def generate(loaded, energy_per_area=ENERGIES, rows=14, cols=16, seed=3):
    return loaded.signatures["generate"](
        energy_per_area=tf.constant(energy_per_area, tf.float32),
        rows=tf.constant(rows, tf.int32),
        cols=tf.constant(cols, tf.int32),
        seed=tf.constant(seed, tf.int64),
    )


def generate_from_latent(loaded, latent, field):
    return loaded.signatures["generate_from_latent"](
        latent=tf.constant(latent, tf.float32), energy_per_area=tf.constant(field, tf.float32)
    )["probabilities"]


def draw_request(rows=3, cols=5):
    """Draw a latent, and a map of energies that varies in space."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(2, rows, cols, CHANNELS))
    return latent.astype(np.float32), rng.uniform(-3, -1, (2, rows, cols)).astype(np.float32)


def described(tensors):
    return {name: (tensor.dtype, tensor.shape.as_list()) for name, tensor in tensors.items()}


@pytest.mark.parametrize("name", ["generate", "serving_default"])
def test_generate_takes_and_gives_what_is_promised(loaded, name):
    signature = loaded.signatures[name]
    assert described(signature.structured_input_signature[1]) == {
        "energy_per_area": (tf.float32, [None]),
        "rows": (tf.int32, []),
        "cols": (tf.int32, []),
        "seed": (tf.int64, []),
    }
    assert described(signature.structured_outputs) == {"states": (tf.uint8, [None, None, None])}


def test_generate_from_latent_takes_and_gives_what_is_promised(loaded):
    signature = loaded.signatures["generate_from_latent"]
    assert described(signature.structured_input_signature[1]) == {
        "latent": (tf.float32, [None, None, None, 63]),
        "energy_per_area": (tf.float32, [None, None, None]),
    }
    assert described(signature.structured_outputs) == {"probabilities": (tf.float32, [None, None, None, 4])}
    asked = {"generate", "serving_default", "generate_from_latent", "generate_from_map", "calibrate", "map"}
    assert set(loaded.signatures) == asked


def test_process_without_this_package_gives_the_same(version, loaded, tmp_path):
    latent, field = draw_request()
    np.savez(tmp_path / "requests.npz", energy_per_area=ENERGIES, sizes=SIZES, seed=3, latent=latent, field=field)
    script = Path(__file__).with_name("ask_model.py")
    command = [sys.executable, str(script), str(version), str(tmp_path / "requests.npz"), str(tmp_path / "out.npz")]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "rugan_tf imported: False"
    with np.load(tmp_path / "out.npz") as answers:
        for rows, cols in SIZES:
            states = answers[f"states_{rows}x{cols}"]
            assert states.shape == (2, rows, cols)
            np.testing.assert_array_equal(states, generate(loaded, rows=rows, cols=cols)["states"])
        expected = generate_from_latent(loaded, latent, field)
        np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-6)


def test_same_seed_gives_the_same_sheets_and_another_seed_others(loaded):
    states = generate(loaded)["states"].numpy()
    np.testing.assert_array_equal(generate(loaded)["states"], states)
    other = generate(loaded, seed=4)["states"].numpy()
    assert all((first != second).any() for first, second in zip(states, other, strict=True))
    assert (states[0] != states[1]).any()


def test_sheet_does_not_depend_on_its_batch(loaded):
    np.testing.assert_array_equal(generate(loaded, ENERGIES[:1])["states"], generate(loaded)["states"][:1])


def test_requested_energy_reaches_the_sheet(loaded):
    low, high = (generate(loaded, np.array([energy]))["states"].numpy() for energy in (-3.0, -1.0))
    assert (low != high).mean() > 0.01


@pytest.mark.parametrize(("rows", "cols"), [(14, 16), (28, 32), (6, 10)])
def test_states_are_the_most_probable_ones_repaired(loaded, graphene, rows, cols):
    latent = draw_latent(tf.constant(3, tf.int64), 2, rows // 2, cols // 2, CHANNELS)
    field = np.broadcast_to(ENERGIES[:, None, None], latent.shape[:3])
    raw = generate_from_latent(loaded, latent, field).numpy().argmax(axis=-1).astype(np.uint8)
    states = generate(loaded, rows=rows, cols=cols)["states"].numpy()
    assert not graphene.is_valid(raw).any()
    assert graphene.is_valid(states).all()
    np.testing.assert_array_equal(states, graphene.repair(raw))
    assert graphene.num_atoms(states).min() > 0


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 5), (7, 8)])
def test_probabilities_are_those_of_the_keras_generator(loaded, rows, cols):
    latent, field = draw_request(rows, cols)
    label = (field - FACTS["label_mean"]) / FACTS["label_standard_deviation"]
    expected = build_generator()({"latent": latent, "label": label.astype(np.float32)}, training=False)
    received = generate_from_latent(loaded, latent, field)
    assert received.shape == (2, 2 * rows, 2 * cols, 4)
    np.testing.assert_allclose(received, expected, atol=1e-6)


def test_map_of_energies_acts_where_it_changes(loaded):
    latent, field = draw_request(1, 40)
    field[:] = -2.0
    changed = field.copy()
    changed[:, :, 10] = -1.0
    difference = np.abs(generate_from_latent(loaded, latent, changed) - generate_from_latent(loaded, latent, field))
    touched = np.flatnonzero(difference.max(axis=(0, 1, 3)))
    assert {20, 21} <= set(touched.tolist())
    assert touched.max() < 40


REFUSED = [
    ({"rows": 7}, "rows and cols must be even"),
    ({"cols": 9}, "rows and cols must be even"),
    ({"rows": 0}, "rows must be at least 2"),
    ({"cols": 0}, "cols must be at least 2"),
    ({"rows": -2}, "rows must be at least 2"),
    ({"energy_per_area": [-2.0, np.nan]}, "energy_per_area must be finite"),
    ({"energy_per_area": [np.inf]}, "energy_per_area must be finite"),
    ({"energy_per_area": []}, "energy_per_area must hold at least one value"),
    ({"rows": 100, "cols": 102}, r"batch \* rows \* cols must be at most 10000"),
    ({"energy_per_area": [-2.0] * 5, "rows": 50, "cols": 50}, r"batch \* rows \* cols must be at most 10000"),
    ({"rows": 2**30, "cols": 2**30}, r"batch \* rows \* cols must be at most 10000"),
    ({"rows": 2**31 - 2, "cols": 2**31 - 2}, r"batch \* rows \* cols must be at most 10000"),
    ({"seed": -1}, "seed must not be negative"),
    ({"energy_per_area": [-2.0, 2.6]}, r"must have the sign of the energies in the training data, -3 to -1 eV/Å²"),
]


@pytest.mark.parametrize(("request_", "message"), REFUSED)
def test_request_that_cannot_be_generated_is_refused(loaded, request_, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        generate(loaded, **request_)


@pytest.mark.parametrize(("name", "further"), [("calibrate", {}), ("generate_from_map", {"seed": 1})])
def test_whatever_is_requested_has_a_sign_of_the_data_and_0_has_any(loaded, name, further):
    size = {"rows": tf.constant(4), "cols": tf.constant(6)}
    seed = {key: tf.constant(value, tf.int64) for key, value in further.items()}
    shape = (1, 1, 2) if seed else (2,)

    def ask(*values):
        energies = tf.reshape(tf.constant(values, tf.float32), shape)
        return loaded.signatures[name](energy_per_area=energies, **size, **seed)

    with pytest.raises(tf.errors.InvalidArgumentError, match="must have the sign of the energies in the training data"):
        ask(-2.0, 2.6)
    ask(-2.0, 0.0)
    if seed:
        ask(-2.0, 1.0)  # a map may have places of any energy: its mean is what is requested


def test_largest_request_is_served(loaded):
    assert generate(loaded, rows=50, cols=100)["states"].shape == (2, 50, 100)


@pytest.mark.parametrize(
    ("latent", "field", "message"),
    [
        ((2, 3, 5), (2, 3, 4), "energy_per_area must have batch, rows and cols of the latent"),
        ((2, 3, 5), (1, 3, 5), "energy_per_area must have batch, rows and cols of the latent"),
        ((2, 3, 5), (2, 1, 1), "energy_per_area must have batch, rows and cols of the latent"),
        ((0, 3, 5), (0, 3, 5), "latent must not be empty"),
        ((1, 0, 5), (1, 0, 5), "latent must not be empty"),
        ((1, 50, 51), (1, 50, 51), r"batch \* rows \* cols must be at most 10000"),
    ],
)
def test_latent_that_cannot_be_generated_from_is_refused(loaded, latent, field, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        generate_from_latent(loaded, np.zeros((*latent, CHANNELS)), np.full(field, -2.0))


@pytest.mark.parametrize("bad", ["latent", "energy_per_area"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_latent_and_map_must_be_finite(loaded, bad, value):
    latent, field = draw_request()
    (latent if bad == "latent" else field)[1, 0, 0] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{bad} must be finite"):
        generate_from_latent(loaded, latent, field)


def test_no_function_must_be_compiled_by_xla(version):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert len(functions) > 5
    assert not [function.signature.name for function in functions if function.attr["_XlaMustCompile"].b]


def test_facts_travel_with_the_model(version):
    facts = json.loads((version / "assets.extra" / "rugan.json").read_text())
    assert facts.items() >= FACTS.items()
    assert facts["max_cells"] == MAX_CELLS
    assert facts["rugan_tf"]


def test_versions_are_numbered(run_dir, version, tmp_path):
    for name in ("1", "2", "notes", "10"):
        (tmp_path / name).mkdir()
    assert export_run(run_dir, tmp_path, MAX_CELLS).name == "11"
    assert version.name == "1"
    assert {path.name for path in version.iterdir()} >= {"saved_model.pb", "variables", "assets.extra"}


def test_failing_export_leaves_nothing(run_dir, tmp_path, monkeypatch):
    def save_half(module, folder, signatures, options):
        Path(folder).mkdir()
        (Path(folder) / "saved_model.pb").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", save_half)
    with pytest.raises(OSError, match="No space left"):
        export_run(run_dir, tmp_path / "models", MAX_CELLS)
    assert list((tmp_path / "models").iterdir()) == []


def test_energy_model_travels_inside_and_tells_the_energy_obtained(run_dir, graphene, tmp_path):
    energy_model = write_counting_energy(tmp_path / "energy")
    inside = export_run(run_dir, tmp_path / "models", MAX_CELLS, energy_model)
    shutil.rmtree(energy_model)
    assert read_exported_card(inside).ednn_metadata["energy"] == "ednn: trained on made-up (data 0)"
    loaded = tf.saved_model.load(str(inside))
    answer = generate(loaded)
    expected = -graphene.num_atoms(answer["states"].numpy()) / (2.0 * 14 * 16)
    np.testing.assert_allclose(answer["energy_per_area"], expected, rtol=1e-6)
    told = loaded.signatures["energy"](states=answer["states"])
    dtypes = {name: tensor.dtype for name, tensor in told.items()}
    assert dtypes == {"energy": tf.float32, "energy_per_area": tf.float32}
    np.testing.assert_allclose(told["energy_per_area"], answer["energy_per_area"])


def test_command_writes_the_next_version_and_says_where(run_dir, tmp_path, capsys):
    out = tmp_path / "models"
    assert main(["--run-dir", str(run_dir), "--out", str(out), "--max-cells", "300", "--feedback", "3"]) == 0
    assert (out / "1" / "saved_model.pb").is_file()
    said = capsys.readouterr()
    assert str(out / "1") in said.out
    # As the card has it: there is no EDNN to correct by.
    assert "corrected 0 times, up to 300 cells a request\n" in said.out
    assert "warning: without --ednn or --ednn-dir nothing comes of --feedback\n" in said.err
    assert "--rows 14 --cols 16 " in said.out  # twice of each would be above the limit


@pytest.mark.parametrize("missing", ["model.json", "generator.keras"])
def test_run_without_a_model_exits_with_2(run_dir, tmp_path, missing, capsys):
    shutil.copytree(run_dir, tmp_path / "run")
    (tmp_path / "run" / "model" / missing).unlink()
    assert main(["--run-dir", str(tmp_path / "run"), "--out", str(tmp_path / "models")]) == 2
    assert f"must have written its model to be exported. Received: no {tmp_path / 'run' / 'model' / missing}" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("damaged", ["model.json", "generator.keras"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
def test_damaged_run_exits_with_2(run_dir, tmp_path, damaged, content, capsys):
    shutil.copytree(run_dir, tmp_path / "run")
    (tmp_path / "run" / "model" / damaged).write_bytes(content)
    assert main(["--run-dir", str(tmp_path / "run"), "--out", str(tmp_path / "models")]) == 2
    rule = "The model of a run must be whole" if damaged.endswith(".keras") else "model.json must "
    assert rule in (said := capsys.readouterr().err)
    assert "Received: " in said
    assert not (tmp_path / "models").exists()


def test_truncated_network_exits_with_2(run_dir, tmp_path, capsys):
    shutil.copytree(run_dir, tmp_path / "run")
    path = tmp_path / "run" / "model" / "generator.keras"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert main(["--run-dir", str(tmp_path / "run"), "--out", str(tmp_path / "models")]) == 2
    assert "The model of a run must be whole. Received: " in capsys.readouterr().err


def test_impossible_limit_exits_with_2(run_dir, tmp_path, capsys):
    assert main(["--run-dir", str(run_dir), "--out", str(tmp_path / "models"), "--max-cells", "3"]) == 2
    assert "max_cells must be at least 4. Received: max_cells=3" in capsys.readouterr().err
