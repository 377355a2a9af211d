import numpy as np
import pytest

from rugan_tf.saved.label_scale import LabelScale


def test_labels_of_a_data_set_are_standardised():
    scale = LabelScale.of(np.array([-4.0, -3.0, -2.0, -1.0]))
    assert scale.mean == -2.5
    assert scale.standard_deviation == pytest.approx(1.25**0.5)
    label = scale.label([-4.0, -2.5, -1.0])
    assert label.dtype == np.float32
    np.testing.assert_allclose(label, np.array([-1.5, 0.0, 1.5]) / 1.25**0.5, rtol=1e-6)


def test_labels_keep_their_shape_and_their_precision():
    scale = LabelScale(-1000.0, 1e-3)
    np.testing.assert_allclose(scale.label([[-1000.001], [-999.998]]), [[-1.0], [2.0]], rtol=1e-6)


@pytest.mark.parametrize("energy", [[-2.0], [-2.0, -2.0], [-2.0, np.nan]])
def test_energies_that_cannot_be_told_apart_are_refused(energy):
    with pytest.raises(ValueError, match=r"Energies must differ .* Received: standard deviation"):
        LabelScale.of(np.array(energy))
