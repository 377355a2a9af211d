import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.saved.signatures import Signatures


class Doubling(tf.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "value")], autograph=False)
    def multiply(self, value):
        with tf.control_dependencies([tf.debugging.assert_all_finite(value, "value must be finite")]):
            return {"product": self.factor * tf.identity(value)}


def save(folder, factor):
    module = Doubling(factor)
    tf.saved_model.save(module, str(folder), signatures={"multiply": module.multiply})
    return folder


def test_arrays_go_in_and_come_out(tmp_path):
    model = Signatures(save(tmp_path / "1", 2.0))
    answer = model.call("multiply", value=np.array([1.0, 2.5], np.float32))
    assert isinstance(answer["product"], np.ndarray)
    np.testing.assert_array_equal(answer["product"], [2.0, 5.0])
    assert "multiply" in model
    assert "divide" not in model


def test_models_are_loaded_once_and_again_when_they_change(tmp_path):
    folder = save(tmp_path / "1", 2.0)
    assert Signatures(folder).loaded() is Signatures(folder, "other").loaded()
    save(folder, 3.0)
    answer = Signatures(folder).call("multiply", value=np.ones(1, np.float32))
    np.testing.assert_array_equal(answer["product"], [3.0])


def test_refusals_name_the_model_and_the_reason(tmp_path):
    model = Signatures(save(tmp_path / "1", 2.0), "EDNN")
    with pytest.raises(ValueError, match=r"The EDNN must have the signature divide. Received: .*1$"):
        model.call("divide", value=np.ones(1, np.float32))
    with pytest.raises(ValueError, match=r"^The EDNN refuses the request: .*value must be finite"):
        model.call("multiply", value=np.array([np.nan], np.float32))
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises((ValueError, OSError), match=r"(?i)saved.?model"):
        model.call("multiply", value=np.ones(1, np.float32))
