import numpy as np
import pytest
from network_cases import draw_weights

from rugan_tf.networks.critic import Critic

PERIODS = [(1, 0), (0, 2), (5, -4)]  # of the honeycomb on two columns


def build_critic(**options):
    network = Critic(width=6, **options)
    network.build()
    draw_weights(network)
    return network


@pytest.fixture(scope="module")
def critic():
    return build_critic(dropout=0.5)


def draw_encoding(rows, cols, num_sheets=3):
    states = np.random.default_rng(2).integers(0, 4, (num_sheets, rows, cols))
    return np.eye(4, dtype=np.float32)[states]


def score_of(critic, encoding, label=0.5, **arguments):
    labels = np.full(len(encoding), label, np.float32)
    return critic({"encoding": encoding, "label": labels}, **arguments)[0].numpy()


@pytest.mark.parametrize("shift", PERIODS)
@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (6, 8), (14, 16)])
def test_score_does_not_change_with_shifts_by_two_rows_or_two_cols(critic, rows, cols, shift):
    encoding = draw_encoding(rows, cols)
    shifted = score_of(critic, np.roll(encoding, shift, (1, 2)))
    np.testing.assert_allclose(shifted, score_of(critic, encoding), atol=1e-5)


def test_folded_columns_are_seen_as_pairs(critic):
    encoding = draw_encoding(6, 8)
    shifted = score_of(critic, np.roll(encoding, 1, 2))
    assert np.abs(shifted - score_of(critic, encoding)).max() > 1e-3


def test_score_is_intensive(critic):
    encoding = draw_encoding(4, 6)
    supercell = score_of(critic, np.tile(encoding, (1, 2, 3, 1)))
    np.testing.assert_allclose(supercell, score_of(critic, encoding), atol=1e-5)


def test_score_of_a_sheet_does_not_depend_on_the_rest_of_the_batch(critic):
    encoding = draw_encoding(4, 6)
    np.testing.assert_allclose(score_of(critic, encoding)[1:2], score_of(critic, encoding[1:2]), atol=1e-5)


def test_score_is_linear_in_the_features():
    critic = build_critic(projection=True)
    label = np.array([0.5, -1.0, 2.0], np.float32)
    score, features = critic({"encoding": draw_encoding(4, 6), "label": label})
    kernel, bias = (np.asarray(weight) for weight in critic.linear.weights)
    embedded = label[:, None] @ np.asarray(critic.embedding.kernel)
    features = features.numpy()
    expected = features @ kernel[:, 0] + bias + (embedded * features).sum(axis=1)
    np.testing.assert_allclose(score, expected, rtol=1e-5)
    assert features.min() >= 0
    assert features.max() > 0


def test_head_sees_every_block_and_the_label_without_dropout():
    critic = build_critic(head_layers=1, dropout=0.5)
    encoding, label = draw_encoding(4, 6), np.array([0.5, -1.0, 2.0], np.float32)
    received = critic({"encoding": encoding, "label": label}, training=False)[1].numpy()
    hidden = encoding.reshape(3, 4, 3, 2, 4).reshape(3, 4, 3, 8)  # columns in pairs
    means = []
    for block in critic.blocks:
        hidden = block(hidden)
        means.append(np.maximum(hidden, 0).mean(axis=(1, 2)))
    kernel, bias = (weight.numpy() for weight in critic.head[0].weights)
    expected = np.maximum(np.concatenate([*means, label[:, None]], axis=1) @ kernel + bias, 0)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    first, second = (critic({"encoding": encoding, "label": label}, training=True)[1].numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3  # by way of the later blocks


def test_regression_is_linear_in_the_means_and_blind_to_the_label():
    critic = build_critic(head_layers=1, regression=True)
    encoding = draw_encoding(4, 6)
    predicted = [
        critic({"encoding": encoding, "label": np.full(3, label, np.float32)})[2].numpy() for label in (-1.0, 2.0)
    ]
    np.testing.assert_array_equal(*predicted)
    assert np.ptp(predicted[0]) > 1e-3
    kernel = critic.regression.kernel.numpy()
    critic.regression.kernel.assign(2 * kernel)
    bias = critic.regression.bias.numpy()
    doubled = critic({"encoding": encoding, "label": np.zeros(3, np.float32)})[2].numpy()
    np.testing.assert_allclose(doubled - bias, 2 * (predicted[0] - bias), rtol=1e-5)


def test_head_can_tell_by_how_much_a_sheet_misses_its_label():
    """The score -|mean occupation - label|, which no critic without a head has for all labels."""
    critic = Critic(width=2, head_layers=1)
    critic.build()
    for weight in critic.weights:
        weight.assign(np.zeros(weight.shape))
    shortcut = np.zeros(critic.blocks[0].shortcut.kernel.shape)
    shortcut[0, 0, 3:8:4, 0] = 0.5  # share of cells in the last state, over a pair of columns
    critic.blocks[0].shortcut.kernel.assign(shortcut)
    head = np.zeros(critic.head[0].kernel.shape)
    head[0], head[-1] = (1.0, -1.0), (-1.0, 1.0)
    critic.head[0].kernel.assign(head)
    critic.linear.kernel.assign(-np.ones((2, 1)))
    encoding = draw_encoding(6, 8)
    share = encoding[..., 3].mean(axis=(1, 2))
    for label in (0.0, 0.2, 0.9):
        np.testing.assert_allclose(score_of(critic, encoding, label), -np.abs(share - label), atol=1e-6)


def test_odd_cols_are_refused(critic):
    with pytest.raises(ValueError, match=r"cols must be a multiple of 2 to be folded. Received: cols=3"):
        score_of(critic, draw_encoding(4, 3, num_sheets=2))


@pytest.mark.parametrize("trained", [False, True])
def test_negative_labels_are_told_apart(trained):
    critic = build_critic() if trained else Critic(width=6)
    encoding = draw_encoding(4, 6)
    scores = [score_of(critic, encoding, label) for label in (-1.0, -2.0, -3.0)]
    assert np.abs(scores[0] - scores[1]).min() > 1e-4
    assert np.abs(scores[1] - scores[2]).min() > 1e-4


def test_first_convolution_sees_negative_labels_too():
    """Without the shortcut, which would let them past a ReLU."""
    critic = build_critic()
    shortcut = critic.blocks[0].shortcut
    shortcut.kernel.assign(0.0 * shortcut.kernel.numpy())
    encoding = draw_encoding(4, 6)
    assert np.abs(score_of(critic, encoding, -1.0) - score_of(critic, encoding, -2.0)).min() > 1e-4


def test_label_is_seen_through_its_channel_and_through_the_projection_alone():
    encoding = draw_encoding(4, 6)
    for projection in (False, True):
        critic = build_critic(projection=projection)
        for layer in (critic.blocks[0].first, critic.blocks[0].shortcut):
            kernel = layer.kernel.numpy().copy()
            kernel[:, :, -1] = 0.0
            layer.kernel.assign(kernel)
        difference = np.abs(score_of(critic, encoding, 1.0) - score_of(critic, encoding, -1.0))
        assert (difference.max() > 1e-3) == projection
        assert (difference.max() == 0) == (not projection)


def test_dropout_acts_in_training_alone(critic):
    encoding = draw_encoding(4, 6)
    np.testing.assert_array_equal(score_of(critic, encoding), score_of(critic, encoding, training=False))
    first, second = (score_of(critic, encoding, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "must be positive. Received: width=0"),
        ({"num_blocks": 0}, "must be positive. Received: .*num_blocks=0"),
        ({"period": (0, 2)}, r"must be positive. Received: .*period=\(0, 2\)"),
        ({"regression": True}, "regression needs a head, .* Received: head_layers=0"),
        ({"head_layers": -1}, "head_layers must not be negative. Received: head_layers=-1"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\). Received: dropout=1.0"),
        ({"dropout": -0.1}, r"dropout must lie in \[0, 1\). Received: dropout=-0.1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Critic(**options)
