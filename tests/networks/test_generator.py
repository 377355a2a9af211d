import numpy as np
import pytest
import tensorflow as tf
from network_cases import draw_weights

from rugan_tf.networks.generator import Generator, GeneratorBlock, RefinementBlock

CHANNELS = 5


@pytest.fixture(
    scope="module",
    params=[
        ((1, 1), None, 0),
        ((1, 2), None, 0),
        ((2, 2), None, 0),
        ((1, 2), (4, 6), 0),
        ((1, 1), (2, 4), 0),
        ((1, 1), None, 1),
        ((1, 2), (4, 6), 2),
    ],
    ids=str,
)
def generator(request):
    period, window, refinements = request.param
    network = Generator(width=6, latent_channels=CHANNELS, period=period, window=window, refinements=refinements)
    network.build()
    draw_weights(network)
    return network


def draw_request(rows, cols, num_sheets=2):
    rng = np.random.default_rng(3)
    latent = rng.normal(size=(num_sheets, rows, cols, CHANNELS)).astype(np.float32)
    return latent, rng.normal(size=(num_sheets, rows, cols)).astype(np.float32)


def probabilities(generator, latent, label, *, training=False):
    return generator({"latent": latent, "label": label}, training=training).numpy()


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (5, 3), (7, 8), (2, 12)])
@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (-3, 2)])
def test_rolling_the_latent_by_k_cells_rolls_the_sheet_by_2k(generator, rows, cols, shift):
    latent, label = draw_request(rows, cols)
    expected = np.roll(probabilities(generator, latent, label), (2 * shift[0], 2 * shift[1]), (1, 2))
    rolled = probabilities(generator, np.roll(latent, shift, (1, 2)), np.roll(label, shift, (1, 2)))
    np.testing.assert_allclose(rolled, expected, atol=1e-5)


@pytest.mark.parametrize("repeats", [(2, 1), (1, 3), (2, 2)])
def test_supercell_of_the_latent_gives_the_supercell_of_the_sheet(generator, repeats):
    latent, label = draw_request(3, 4)
    expected = np.tile(probabilities(generator, latent, label), (1, *repeats, 1))
    tiled = probabilities(generator, np.tile(latent, (1, *repeats, 1)), np.tile(label, (1, *repeats)))
    np.testing.assert_allclose(tiled, expected, atol=1e-5)


def test_probabilities_are_positive_and_sum_to_one(generator):
    result = probabilities(generator, *draw_request(7, 8))
    assert result.shape == (2, 14, 16, 4)
    assert result.min() >= 0
    np.testing.assert_allclose(result.sum(axis=-1), 1.0, atol=1e-6)
    assert result.std() > 0.01


def test_sheets_of_a_batch_do_not_see_each_other(generator):
    latent, label = draw_request(4, 4, num_sheets=3)
    whole = probabilities(generator, latent, label)
    np.testing.assert_allclose(probabilities(generator, latent[1:2], label[1:2]), whole[1:2], atol=1e-5)


def test_label_of_one_cell_reaches_only_cells_near_it(generator):
    latent, label = draw_request(1, 40, num_sheets=1)
    changed = label.copy()
    changed[0, 0, 20] += 1.0
    difference = np.abs(probabilities(generator, latent, changed) - probabilities(generator, latent, label))
    touched = np.flatnonzero(difference[0].max(axis=(0, 2)) > 0)
    reach = 4 + 5 * generator.period[1]  # cells: 2 latent cells, 2 pixels in either of the next blocks, 1 at the end
    reach += 2 * generator.period[1] * len(generator.refinements)
    reach += 3 * (generator.window[1] // 2 + 1) if generator.window else 0  # half a window in each block
    assert 40 in touched
    assert touched.min() >= 40 - reach
    assert touched.max() <= 41 + reach


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_negative_labels_are_told_apart_even_one_for_the_whole_batch(trained, training):
    network = Generator(width=6, latent_channels=CHANNELS)
    network.build()
    if trained:
        draw_weights(network)
    latent, _ = draw_request(4, 4)
    sheets = [
        probabilities(network, latent, np.full((2, 4, 4), label, np.float32), training=training)
        for label in (-1.0, -2.0, -3.0)
    ]
    assert np.abs(sheets[0] - sheets[1]).max() > 1e-3
    assert np.abs(sheets[1] - sheets[2]).max() > 1e-3


def test_first_convolution_sees_negative_labels_too():
    """Without the shortcut, which would let them past a ReLU."""
    network = Generator(width=7, latent_channels=CHANNELS)
    network.build()  # of another width than its input, so that the shortcut has weights
    draw_weights(network)
    shortcut = network.blocks[0].shortcut
    shortcut.kernel.assign(0.0 * shortcut.kernel.numpy())
    latent, _ = draw_request(4, 4)
    first, second = (probabilities(network, latent, np.full((2, 4, 4), label, np.float32)) for label in (-1.0, -2.0))
    assert np.abs(first - second).max() > 1e-3


def test_first_block_must_not_clip_and_others_do():
    values = -np.ones((1, 4, 4, 3), np.float32)
    for preactivate, is_clipped in ((True, True), (False, False)):
        block = GeneratorBlock(3, preactivate=preactivate)
        block.build(values.shape)
        draw_weights(block)
        change = block(2 * values) - block(values)
        assert np.allclose(change, -1.0, atol=1e-5) == is_clipped  # the shortcut alone has changed


def draw_refinement(rows=3, cols=4, period=(1, 2)):
    """Return a block with weights, features and scores of sheets with two states."""
    rng = np.random.default_rng(8)
    features = rng.normal(size=(2, rows, cols, 5)).astype(np.float32)
    scores = rng.normal(size=(2, rows, cols, 2 * period[0] * period[1])).astype(np.float32)
    block = RefinementBlock(7, num_states=2, period=period)
    block.build({"features": features.shape, "scores": scores.shape})
    draw_weights(block)
    return block, features, scores


def refine(block, features, scores):
    return block({"features": features, "scores": scores})


def test_refinement_begins_as_the_identity():
    _, features, scores = draw_refinement()
    block = RefinementBlock(7, num_states=2, period=(1, 2))
    np.testing.assert_array_equal(refine(block, features, scores), scores)


def test_what_refinement_adds_depends_on_the_states_of_the_draft_alone():
    block, features, scores = draw_refinement()
    added = refine(block, features, scores) - scores
    np.testing.assert_allclose(refine(block, features, 3 * scores) - 3 * scores, added, atol=1e-5)
    np.testing.assert_allclose(
        refine(block, features, scores + 1) - (scores + 1), added, atol=1e-5
    )  # of all states of a cell
    flipped = scores.copy()
    flipped[0, 1, 2, :2] = flipped[0, 1, 2, 1::-1]
    assert np.abs((refine(block, features, flipped) - flipped - added)[0, 1, 2]).max() > 1e-3


def test_refinement_sees_the_best_state_of_every_cell():
    """The two convolutions, given one-hot states that NumPy has found."""
    block, features, scores = draw_refinement()
    cells = scores.reshape(2, 3, 4, 2, 2)  # two cells of a pixel, two states
    draft = (cells == cells.max(axis=-1, keepdims=True)).reshape(scores.shape).astype(np.float32)
    expected = scores + block.second(tf.nn.relu(block.first(np.concatenate([features, draft], axis=-1))))
    np.testing.assert_allclose(refine(block, features, scores), expected, atol=1e-5)


def test_gradients_pass_the_draft_as_if_it_were_the_probabilities():
    block, features, scores = draw_refinement()
    weight = np.random.default_rng(2).normal(size=scores.shape).astype(np.float32)
    given = tf.Variable(scores)
    with tf.GradientTape(persistent=True) as tape:
        result = tf.reduce_sum(weight * refine(block, features, given))
        probabilities = tf.reshape(tf.nn.softmax(tf.reshape(given, (2, 3, 4, 2, 2))), scores.shape)
    best = np.round(probabilities.numpy())
    draft = tf.Variable(best)
    with tf.GradientTape() as inner:
        corrected = tf.reduce_sum(weight * block.second(tf.nn.relu(block.first(tf.concat([features, draft], -1)))))
    expected = weight + tape.gradient(probabilities, given, output_gradients=inner.gradient(corrected, draft))
    np.testing.assert_allclose(tape.gradient(result, given), expected, atol=1e-5)
    assert np.abs(expected - weight).max() > 1e-3


def test_negative_number_of_refinements_is_refused():
    with pytest.raises(ValueError, match=r"refinements must not be negative. Received: refinements=-1"):
        Generator(refinements=-1)


@pytest.mark.parametrize("name", ["width", "num_states", "latent_channels"])
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match=rf"must be positive. Received: .*{name}=0"):
        Generator(**{name: 0})


@pytest.mark.parametrize("window", [(3, 2), (0, 2)])
def test_window_that_latent_cells_do_not_make_up_is_refused(window):
    with pytest.raises(ValueError, match=r"window must be even along rows and columns. Received: window="):
        Generator(window=window)


@pytest.mark.parametrize("period", [(3, 1), (1, 0)])
def test_period_that_the_doubling_does_not_hold_is_refused(period):
    with pytest.raises(ValueError, match=r"period must be 1 or 2 along rows and columns. Received: period="):
        Generator(period=period)
