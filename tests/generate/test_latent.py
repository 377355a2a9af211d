import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.generate.latent import BLOCK, draw_latent

CHANNELS = 3


def draw(seed=0, num_sheets=2, rows=20, cols=20, channels=CHANNELS):
    sizes = (tf.constant(size) for size in (num_sheets, rows, cols))
    return draw_latent(tf.constant(seed, tf.int64), *sizes, channels)


@pytest.mark.parametrize(("rows", "cols"), [(7, 8), (8, 8), (1, 1), (9, 17), (16, 3)])
def test_small_sheet_is_the_corner_of_a_large_one(rows, cols):
    latent = draw(rows=rows, cols=cols)
    assert latent.shape == (2, rows, cols, CHANNELS)
    assert latent.dtype == tf.float32
    np.testing.assert_array_equal(latent, draw()[:, :rows, :cols])


def test_sheet_does_not_depend_on_how_many_are_drawn():
    np.testing.assert_array_equal(draw(num_sheets=5)[:2], draw(num_sheets=2))
    np.testing.assert_array_equal(draw(num_sheets=1), draw(num_sheets=2)[:1])


def test_same_seed_gives_the_same_latent_and_every_seed_another():
    np.testing.assert_array_equal(draw(seed=4), draw(seed=4))
    latents = [draw(seed=seed).numpy() for seed in (0, 1, 2, 2**31, 2**32, 2**32 + 1, 2**62)]
    for index, first in enumerate(latents):
        for second in latents[:index]:
            assert (first != second).all()


def test_blocks_sheets_and_channels_differ():
    latent = draw(seed=0, num_sheets=3, rows=2 * BLOCK, cols=2 * BLOCK, channels=2).numpy()
    blocks = latent.reshape(3, 2, BLOCK, 2, BLOCK, 2).transpose(0, 1, 3, 5, 2, 4).reshape(3 * 2 * 2 * 2, BLOCK * BLOCK)
    correlation = np.corrcoef(blocks) - np.eye(len(blocks))
    assert np.abs(correlation).max() < 5 / np.sqrt(BLOCK * BLOCK)
    assert len(np.unique(blocks)) > 0.999 * blocks.size


def test_streams_of_swapped_keys_differ():
    """Sheet, block row, block column and seed are not interchangeable."""
    latent = draw(seed=1, num_sheets=3, rows=3 * BLOCK, cols=3 * BLOCK).numpy()
    other = draw(seed=0, num_sheets=3, rows=3 * BLOCK, cols=3 * BLOCK).numpy()

    def block(latents, sheet, row, col):
        return latents[sheet, row * BLOCK : (row + 1) * BLOCK, col * BLOCK : (col + 1) * BLOCK]

    assert (block(latent, 0, 1, 2) != block(latent, 0, 2, 1)).all()
    assert (block(latent, 1, 0, 2) != block(latent, 2, 0, 1)).all()
    assert (block(latent, 0, 0, 0) != block(other, 1, 0, 0)).all()
    assert (block(latent, 0, 1, 0) != block(other, 1, 0, 0)).all()


def test_values_are_standard_normal():
    values = np.sort(draw(num_sheets=8, rows=40, cols=40, channels=4).numpy().ravel())
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    assert values.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(values) < 1.0) == pytest.approx(0.6827, abs=0.01)
    assert np.isfinite(values).all()


def test_values_stay_what_they_were_when_models_were_published():
    latent = draw(seed=7, num_sheets=2, rows=9, cols=9)
    received = [latent[0, 0, 0, 0], latent[0, 8, 0, 1], latent[1, 7, 8, 2]]
    np.testing.assert_allclose(received, [0.464808, -0.357397, -0.900482], atol=2e-6)
