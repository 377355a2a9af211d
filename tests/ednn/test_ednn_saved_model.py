"""The EDNN as a SavedModel: what it takes and gives, what it refuses, without this package as well."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_ednn import FACTS, build_ednn, draw_states, save_ednn

from rugan_tf.ednn.saved_model import EnergyEndpoint
from rugan_tf.systems.named import system_named

SIZES = [(1, 2), (3, 4), (4, 6), (14, 16)]


@pytest.fixture(scope="module")
def loaded(version):
    return tf.saved_model.load(str(version))


@pytest.fixture
def graphene():
    return system_named("porous_graphene")


def ask(loaded, states):
    return loaded.signatures["energy"](states=tf.constant(states, tf.uint8))


def described(tensors):
    return {name: (tensor.dtype, tensor.shape.as_list()) for name, tensor in tensors.items()}


def test_signature_takes_and_gives_what_is_promised(loaded):
    signature = loaded.signatures["energy"]
    assert described(signature.structured_input_signature[1]) == {"states": (tf.uint8, [None, None, None])}
    promised = {"energy": (tf.float32, [None]), "energy_per_area": (tf.float32, [None])}
    assert described(signature.structured_outputs) == promised


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_energies_are_those_of_the_network_for_any_size(loaded, graphene, rows, cols):
    states = draw_states(5, rows, cols)
    answer = ask(loaded, states)
    expected = build_ednn()(states).numpy()
    assert {name: values.shape for name, values in answer.items()} == {
        "energy": (5,),
        "energy_per_area": (5,),
    }
    np.testing.assert_allclose(answer["energy"], expected, rtol=1e-6)
    np.testing.assert_allclose(answer["energy_per_area"], expected / graphene.area(rows, cols), rtol=1e-6)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.full((1, 4, 4), 4), r"states must lie in 0..3"),
        (np.full((1, 4, 4), 255), r"states must lie in 0..3"),
        (np.zeros((2, 4, 5)), "cols must be a multiple of 2"),
        (np.zeros((2, 4, 1)), "cols must be a multiple of 2"),
        (np.zeros((0, 4, 4)), "states must not be empty"),
        (np.zeros((1, 0, 4)), "states must not be empty"),
        (np.zeros((1, 4, 0)), "states must not be empty"),
    ],
)
def test_states_that_are_no_sheets_are_refused(loaded, states, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        ask(loaded, states)


def test_one_bad_cell_among_many_is_refused(loaded):
    states = draw_states(3, 14, 16)
    states[2, 13, 15] = 4
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"states must lie in 0..3"):
        ask(loaded, states)


def test_more_cells_than_the_limit_are_refused(graphene):
    endpoint = EnergyEndpoint(build_ednn(), graphene, max_cells=48)
    assert endpoint.energy(draw_states(2, 4, 6))["energy"].shape == (2,)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"batch \* rows \* cols must be at most 48"):
        endpoint.energy(draw_states(1, 5, 10))


def test_no_function_must_be_compiled_by_xla(version):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert len(functions) > 5
    assert not [function.signature.name for function in functions if function.attr["_XlaMustCompile"].b]


def test_process_without_this_package_gives_the_same(version, loaded, tmp_path):
    states = draw_states(4, 6, 8)
    np.save(tmp_path / "states.npy", states)
    script = Path(__file__).with_name("ask_energy.py")
    words = [
        sys.executable,
        str(script),
        str(version),
        str(tmp_path / "states.npy"),
        str(tmp_path / "out.npy"),
    ]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "rugan_tf imported: False"
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), ask(loaded, states)["energy"], rtol=1e-6)


def test_facts_travel_with_the_model(version):
    facts = json.loads((version / "assets.extra" / "ednn.json").read_text())
    assert facts.items() >= FACTS.items()
    assert (facts["halo"], facts["period"], facts["max_cells"]) == ([1, 2], [1, 2], 2**24)


def test_versions_are_numbered(tmp_path):
    assert [save_ednn(tmp_path).name for _ in range(2)] == ["1", "2"]
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2"}


def one_hot(states):
    return tf.one_hot(tf.cast(states, tf.int32), 4)


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_local_energies_sum_up_to_the_energy(loaded, rows, cols):
    states = draw_states(5, rows, cols)
    tiles = loaded.signatures["local_energy"](encoding=one_hot(states))["energy"]
    assert tiles.shape == (5, rows, cols // 2)
    np.testing.assert_allclose(tiles.numpy().sum(axis=(1, 2)), ask(loaded, states)["energy"], rtol=1e-5)


def test_local_energies_move_with_the_sheet(loaded):
    states = draw_states(2, 6, 8)
    tiles = loaded.signatures["local_energy"](encoding=one_hot(states))["energy"].numpy()
    assert tiles.std() > 0.1
    moved = loaded.signatures["local_energy"](encoding=one_hot(np.roll(states, (2, 4), (1, 2))))["energy"]
    np.testing.assert_allclose(moved, np.roll(tiles, (2, 2), (1, 2)), atol=1e-4)


def test_gradient_of_a_local_energy_is_that_of_differences_and_ends_with_its_context(loaded):
    local_energy = loaded.signatures["local_energy"]
    encoding = one_hot(draw_states(2, 8, 12))
    with tf.GradientTape() as tape:
        tape.watch(encoding)
        one = local_energy(encoding=encoding)["energy"][0, 4, 3]
    gradient = tape.gradient(one, encoding).numpy()
    is_seen = np.zeros((2, 8, 12), bool)
    is_seen[0, 3:6, 4:10] = True  # one period of context around the focus in row 4, columns 6 and 7
    np.testing.assert_array_equal(np.abs(gradient).max(axis=-1) > 0, is_seen)
    direction = np.random.default_rng(0).normal(size=gradient.shape).astype(np.float32)
    step = 1e-2
    ends = [local_energy(encoding=encoding + sign * step * direction)["energy"][0, 4, 3] for sign in (1, -1)]
    assert float(ends[0] - ends[1]) / (2 * step) == pytest.approx(float((gradient * direction).sum()), rel=1e-2)
