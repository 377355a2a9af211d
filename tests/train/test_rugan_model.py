import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import build_rugan

from rugan_tf.train import losses, replicas
from rugan_tf.train.loss_options import LossOptions


def draw_batch(num_sheets=8, rows=2, cols=4):
    rng = np.random.default_rng(0)
    states = tf.constant(rng.integers(0, 2, (num_sheets, rows, cols)), tf.uint8)
    return {"states": states, "label": tf.constant(rng.normal(size=num_sheets), tf.float32)}


def snapshot(network):
    return [weight.numpy().copy() for weight in network.weights]


def changed(network, before):
    return [bool((weight.numpy() != old).any()) for weight, old in zip(network.weights, before, strict=True)]


def randomness(model):
    return {"seed": model.next_seed(), "replica": replicas.own_number()}


def test_one_step_updates_the_critic_critic_steps_times_and_the_generator_once():
    model = build_rugan(critic_steps=4)
    generator, critic, average = snapshot(model.generator), snapshot(model.critic), snapshot(model.average)
    logs = model.train_step(draw_batch())
    assert int(model.critic_optimizer.iterations) == 4
    assert int(model.generator_optimizer.iterations) == 1
    assert all(changed(model.generator, generator))
    assert changed(model.critic, critic)[:3] == [True, True, True]
    assert all(changed(model.average, average))
    assert set(logs) == set(model.trackers)
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_batches_of_a_step_are_taken_in_their_order(monkeypatch):
    model = build_rugan(critic_steps=3)
    seen = []

    def record(name, network):
        def gradients(states, label, *others):
            seen.append((name, label.numpy().tolist(), states.numpy()[:, 0, 0].tolist()))
            if name == "generator":  # without maps it is judged by the labels that it is given
                np.testing.assert_array_equal(others[0], label)
            return {}, [tf.zeros(weight.shape) for weight in network.trainable_variables]

        return gradients

    monkeypatch.setattr(model, "critic_gradients", record("critic", model.critic))
    monkeypatch.setattr(model, "generator_gradients", record("generator", model.generator))
    numbers = tf.range(6)
    model.train_step(
        {
            "states": tf.cast(tf.ones((6, 2, 4), tf.int32) * numbers[:, None, None], tf.uint8),
            "label": tf.cast(numbers, tf.float32),
        }
    )
    assert [name for name, _, _ in seen] == ["critic"] * 3 + ["generator"]
    assert [label for _, label, _ in seen] == [[0, 1], [2, 3], [4, 5], [4, 5]]
    assert [states for _, _, states in seen] == [[0, 1], [2, 3], [4, 5], [4, 5]]


def test_sheets_that_do_not_divide_into_critic_steps_are_refused():
    with pytest.raises(ValueError, match=r"critic_steps batches. Received: 7 sheets, critic_steps=2"):
        build_rugan(critic_steps=2).train_step(draw_batch(7))


def test_critic_steps_must_be_positive():
    with pytest.raises(ValueError, match=r"critic_steps must be at least 1. Received: critic_steps=0"):
        build_rugan(critic_steps=0)


def test_critic_loss_is_the_weighted_sum_of_its_parts():
    options = LossOptions(gradient_penalty_weight=3.0, consistency_weight=5.0)
    model = build_rugan(dropout=0.5, loss_options=options)
    logs, _ = model.compute_critic_gradients(**draw_batch(), **randomness(model))
    parts = {name: float(value) for name, value in logs.items()}
    expected = 3 * parts["gradient_penalty"] + parts["consistency_term"] - parts["wasserstein_estimate"]
    assert parts["critic_loss"] == pytest.approx(expected, rel=1e-5)


def test_consistency_weight_and_margin_reach_the_loss():
    terms = {}
    for weight, margin in ((1.0, 0.0), (5.0, 0.0), (5.0, 1e6)):
        options = LossOptions(consistency_weight=weight, consistency_margin=margin)
        model = build_rugan(dropout=0.5, loss_options=options)
        logs, _ = model.compute_critic_gradients(**draw_batch(), **randomness(model))
        terms[weight, margin] = float(logs["consistency_term"])
    assert terms[5.0, 0.0] > 1e-4
    assert terms[5.0, 1e6] == 0.0


@pytest.mark.parametrize("form", ["squared", "absolute"])
def test_consistency_comes_from_dropout_alone(form):
    terms = []
    for dropout in (0.0, 0.5):
        model = build_rugan(dropout=dropout, loss_options=LossOptions(consistency_form=form))
        logs, _ = model.compute_critic_gradients(**draw_batch(), **randomness(model))
        terms.append(float(logs["consistency_term"]))
    assert terms[0] == pytest.approx(0.0, abs=1e-6)
    assert terms[1] > 1e-4


def test_each_sheet_is_interpolated_by_its_own_uniform_number(monkeypatch):
    seen = []
    interpolate = losses.interpolate

    def record(real, fake, epsilon):
        seen.append(epsilon.numpy())
        return interpolate(real, fake, epsilon)

    monkeypatch.setattr(losses, "interpolate", record)
    model = build_rugan()
    model.compute_critic_gradients(**draw_batch(2000), **randomness(model))
    numbers = np.sort(seen[0])
    assert numbers.shape == (2000,)
    assert len(np.unique(numbers)) > 1990
    assert numbers[0] >= 0
    assert numbers[-1] < 1
    uniform = (np.arange(2000) + 0.5) / 2000
    assert np.abs(numbers - uniform).max() < 1.95 / np.sqrt(2000)  # once in 1000 by chance


def test_critic_learns_to_tell_real_from_fake():
    model = build_rugan(dropout=0.1)
    batch = draw_batch(16)
    estimates = []
    for _ in range(80):
        logs, gradients = model.critic_gradients(**batch, **randomness(model))
        model.critic_optimizer.apply(gradients, model.critic.trainable_variables)
        estimates.append(float(logs["wasserstein_estimate"]))
    assert np.mean(estimates[-10:]) > np.mean(estimates[:10]) + 0.1
    assert np.mean(estimates[-10:]) > 0


def test_gradients_of_both_networks_are_finite_and_not_zero():
    model, batch = build_rugan(dropout=0.5), draw_batch()
    for gradients in (
        model.compute_critic_gradients(**batch, **randomness(model))[1][:-1],  # without the bias of the score
        model.compute_generator_gradients(**batch, asked=batch["label"], **randomness(model))[1],
    ):
        for gradient in gradients:
            assert np.isfinite(gradient).all()
            assert np.abs(gradient).max() > 0


def test_generator_is_given_the_label_of_each_sheet_everywhere(monkeypatch):
    model = build_rugan()
    seen = []
    call = model.generator.call

    def record(inputs, *, training=False):
        seen.append((inputs, training))
        return call(inputs, training=training)

    monkeypatch.setattr(model.generator, "call", record)
    batch = draw_batch(3, rows=4, cols=6)
    fakes = [model.draw_fake(**batch, **randomness(model)) for _ in range(2)]
    (first, training), (second, _) = seen
    assert fakes[0].shape == (3, 4, 6, 4)
    assert training
    assert first["latent"].shape == (3, 2, 3, 2)
    label = batch["label"].numpy()[:, None, None]
    np.testing.assert_allclose(first["label"], np.broadcast_to(label, (3, 2, 3)))
    assert (first["latent"].numpy() != second["latent"].numpy()).all()


def test_trackers_hold_means_over_steps():
    model = build_rugan(critic_steps=1)
    model.track({"critic_loss": 1.0, "generator_loss": 5.0})
    model.track({"critic_loss": 4.0})
    results = {name: float(tracker.result()) for name, tracker in model.trackers.items()}
    assert (results["critic_loss"], results["generator_loss"]) == (2.5, 5.0)
    assert {metric.name for metric in model.metrics} == set(results)


def test_fit_trains_tiny_networks_and_resets_means_every_epoch():
    model = build_rugan()
    batches = tf.data.Dataset.from_tensors(draw_batch()).repeat()
    history = model.fit(batches, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0).history
    assert int(model.generator_optimizer.iterations) == 6
    assert int(model.critic_optimizer.iterations) == 12
    assert len(set(history["wasserstein_estimate"])) == 2


def test_hard_samples_are_one_hot_with_the_gradient_of_the_probabilities():
    weights = tf.constant(np.random.default_rng(1).normal(size=(8, 2, 4, 4)), tf.float32)
    outcomes = {}
    for is_hard in (False, True):
        model = build_rugan(hard_samples=is_hard)
        with tf.GradientTape() as tape:
            fake = model.draw_fake(**draw_batch(), **randomness(model))
            value = tf.reduce_sum(weights * fake)
        outcomes[is_hard] = fake.numpy(), tape.gradient(value, model.generator.trainable_variables)
    soft, hard = outcomes[False], outcomes[True]
    np.testing.assert_allclose(hard[0], np.eye(4)[soft[0].argmax(axis=-1)], atol=1e-6)
    for expected, gradient in zip(soft[1], hard[1], strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_noisy_samples_follow_the_probabilities_to_the_power_of_one_over_the_noise(noise):
    """The best of log p + noise Gumbel has the probabilities p^(1/noise), normalised."""
    batch = {"states": np.zeros((2000, 2, 2), np.uint8), "label": np.zeros(2000, np.float32)}
    model = build_rugan(hard_samples=True, sample_noise=noise)
    kernel, bias = model.generator.dense.weights
    kernel.assign(0.0 * kernel)
    bias.assign([0.0, 0.7, -0.9, 0.3])
    samples = model.draw_fake(**batch, **randomness(model)).numpy()
    np.testing.assert_allclose(samples, samples.round(), atol=1e-6)
    assert (samples.round().sum(axis=-1) == 1).all()
    expected = np.exp(np.array([0.0, 0.7, -0.9, 0.3]) / noise)
    expected /= expected.sum()
    spread = np.sqrt(expected * (1 - expected) / 8000)
    assert (np.abs(samples.mean(axis=(0, 1, 2)) - expected) < 4 * spread).all()
    cells = samples[..., 1].reshape(2000, 4)
    assert abs(np.corrcoef(cells[:, 0], cells[:, 1])[0, 1]) < 4 / np.sqrt(2000)  # every cell by itself


def test_gradient_of_noisy_samples_is_that_of_the_noisy_softmax():
    """With biases b alone, it is sum over cells of soft (w - soft w), where soft is the softmax of b + noise Gumbel."""
    biases, noise = np.array([0.0, 0.7, -0.9, 0.3]), 0.5
    model = build_rugan(hard_samples=True, sample_noise=noise)
    kernel, bias = model.generator.dense.weights
    kernel.assign(0.0 * kernel)
    bias.assign(biases)
    weights = np.random.default_rng(1).normal(size=(8, 2, 4, 4)).astype(np.float32)
    seed = model.next_seed()
    with tf.GradientTape() as tape:
        fake = model.draw_fake(**draw_batch(), seed=seed, replica=replicas.own_number())
        value = tf.reduce_sum(weights * fake)
    noise_seed = tf.random.experimental.stateless_split(seed, 2, alg="philox")[1]
    uniform = tf.random.stateless_uniform(weights.shape, noise_seed, alg="philox").numpy().astype(np.float64)
    soft = np.exp(biases - noise * np.log(-np.log(uniform)))
    soft /= soft.sum(axis=-1, keepdims=True)
    np.testing.assert_array_equal(fake.numpy().argmax(axis=-1), soft.argmax(axis=-1))
    expected = (soft * (weights - (soft * weights).sum(axis=-1, keepdims=True))).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(tape.gradient(value, bias), expected, atol=1e-4)


@pytest.mark.parametrize("settings", [{"sample_noise": 0.5}, {"sample_noise": -1.0, "hard_samples": True}])
def test_noise_without_hard_samples_and_negative_noise_are_refused(settings):
    with pytest.raises(ValueError, match=r"sample_noise must not be negative, and needs hard samples. Received: "):
        build_rugan(**settings)
