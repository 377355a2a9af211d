"""One battery for every public layer and network."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from network_cases import CASES, assert_equal, built, draw_inputs, draw_weights, map_shapes

from rugan_tf import networks

conformance = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def shapes_of(outputs):
    return [tuple(output.shape) for output in tf.nest.flatten(outputs)]


def expected_shapes(case):
    return [case.outputs] if isinstance(case.outputs[0], int) else list(case.outputs)


def test_every_public_layer_and_network_is_in_the_battery():
    public = set()
    for module in pkgutil.iter_modules(networks.__path__):
        members = vars(importlib.import_module(f"rugan_tf.networks.{module.name}"))
        public |= {
            name
            for name, member in members.items()
            if inspect.isclass(member) and issubclass(member, keras.layers.Layer) and not name.startswith("_")
            if member.__module__.startswith("rugan_tf.networks")
        }
    assert public == {name.split(" ")[0] for name in CASES}


@conformance
def test_output_shape(case):
    assert shapes_of(case.build()(draw_inputs(case))) == expected_shapes(case)


@conformance
def test_computed_output_shape_agrees(case):
    computed = case.build().compute_output_shape(case.inputs)
    assert map_shapes(tuple, computed) == case.outputs
    free = case.build().compute_output_shape(case.free_inputs)
    pairs = zip(tf.nest.flatten(free), tf.nest.flatten(case.outputs), strict=True)
    assert all(size in (None, expected) for size, expected in pairs)


@conformance
def test_spatial_sizes_may_be_unknown(case):
    layer, inputs = built(case), draw_inputs(case)
    outputs = tf.function(lambda values: layer(values), input_signature=[case.specification()])(inputs)
    assert shapes_of(outputs) == expected_shapes(case)
    assert_equal(outputs, layer(inputs))


@conformance
def test_config_round_trip(case):
    layer, inputs = built(case), draw_inputs(case)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again(inputs)
    draw_weights(again)
    assert_equal(again(inputs), layer(inputs))


def named(shapes):
    return {name: keras.Input(shape[1:], name=name) for name, shape in shapes.items()}


@conformance
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning:keras")
def test_keras_file_gives_the_same_outputs(case, tmp_path):
    layer, inputs = built(case), draw_inputs(case)
    model = layer
    if not isinstance(layer, keras.Model):
        entry = keras.Input(case.free_inputs[1:]) if isinstance(case.free_inputs, tuple) else named(case.free_inputs)
        model = keras.Model(entry, layer(entry))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for restored, original in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(restored, original)
    assert_equal(loaded(inputs), model(inputs))


@conformance
def test_saved_model_gives_the_same_outputs(case, tmp_path):
    layer, inputs = built(case), draw_inputs(case)
    archive = keras.export.ExportArchive()
    archive.track(layer)
    archive.add_endpoint("apply", tf.function(lambda values: layer(values), input_signature=[case.specification()]))
    archive.write_out(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert_equal(loaded.apply(inputs), layer(inputs))


@pytest.fixture
def bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@conformance
@pytest.mark.usefixtures("bfloat16")
def test_mixed_precision_gives_finite_outputs(case):
    layer, inputs = built(case), draw_inputs(case)
    outputs = tf.nest.flatten(layer(inputs))
    expected = tf.float32 if isinstance(layer, keras.Model) else tf.bfloat16
    assert {output.dtype for output in outputs} == {expected}
    assert all(np.isfinite(tf.cast(output, tf.float32)).all() for output in outputs)
    assert {weight.dtype for weight in layer.weights} <= {"float32"}
