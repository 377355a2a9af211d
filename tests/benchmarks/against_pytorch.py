"""Training and generation against the same in PyTorch and against this machine's ceiling, side by side in one process.

Everything is compiled first. Then every round times each contestant once, in an order that turns from round to round;
what is printed are medians over rounds, and their ratios. PyTorch is the extra `benchmarks`:
.venv/bin/python -m pip install torch

.venv/bin/python tests/benchmarks/against_pytorch.py --preset cpu --width 32 --batch-size 32 --critic-steps 1
"""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable
from typing import Literal

import tyro

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # otherwise PyTorch took 30 times as long beside other programs
ROWS, COLS = 14, 16


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions:
    preset: Literal["quick", "cpu", "paper"] = "cpu"
    """Preset of rugan train, whose networks and losses are taken."""
    width: int = 32
    """Channels of both networks."""
    batch_size: int = 32
    """Sheets of an update."""
    critic_steps: int = 1
    """Critic updates per generator update."""
    seconds: float = 2.0
    """Time of one contestant in one round, about."""
    rounds: int = 7
    """Rounds."""
    num_generated: int = 128
    """Sheets generated at once, of 28x32 cells."""
    torch: bool = True
    """Compare with PyTorch; otherwise with the ceiling alone."""
    pause: bool = False
    """Wait for Enter when all is compiled."""


def main(options: BenchmarkOptions) -> None:
    import numpy as np
    import tensorflow as tf
    from arithmetic import Ceiling, step_operations
    from train_step import build_data

    from rugan_tf.train.building import build_model, lattice_period
    from rugan_tf.train.options import PRESETS

    data_set, label = build_data()
    settings = dataclasses.replace(
        PRESETS[options.preset][0],
        width=options.width,
        critic_width=options.width,
        batch_size=options.batch_size,
        critic_steps=options.critic_steps,
    )
    number = settings.batch_size * settings.critic_steps
    states, label = np.resize(data_set.states, (number, ROWS, COLS)), np.resize(label, number)
    batches = iter(tf.data.Dataset.from_tensors({"states": states, "label": label}).repeat())
    steps: dict[str, Callable[[], object]] = {}
    generations: dict[str, Callable[[], object]] = {}
    for name, xla in (("rugan_tf", False), ("rugan_tf, XLA", True)):
        model = build_model(dataclasses.replace(settings, xla=xla), data_set)
        model.make_train_function()
        function = model.train_function
        steps[name] = lambda function=function: function(batches)["critic_loss"].numpy()
    latent = np.random.default_rng(1).normal(size=(options.num_generated, ROWS, COLS, settings.latent_channels))
    latent = tf.constant(latent, tf.float32)
    request = tf.zeros(latent.shape[:3])
    generate = tf.function(lambda: tf.argmax(model.generator({"latent": latent, "label": request}), -1))
    generations["rugan_tf"] = lambda: generate().numpy()
    if options.torch:
        add_torch(settings, data_set, states, label, latent, steps, generations)
    for contestants in (steps, generations):
        for name, contestant in contestants.items():
            start = time.perf_counter()
            contestant()
            print(f"{name}: {time.perf_counter() - start:.1f} s for the first time", flush=True)
    ceiling = Ceiling()
    if options.pause:
        input("compiled; Enter to measure\n")
    seconds = race(steps, options, ceiling)
    operations = step_operations(settings, model, ROWS, COLS)
    print(f"{options}\nperiod of the lattice {lattice_period(data_set)}, {operations / 1e9:.1f} GFLOP per update")
    rates = {name: f"{statistics.median(values) / 1e9:.0f}" for name, values in ceiling.rates.items()}
    print(f"ceiling, GFLOP/s: {rates}")
    report("training", "update", seconds)
    for name, value in seconds.items():
        print(
            f"{name}: {operations / value / 1e9:.0f} GFLOP/s, {operations / value / ceiling.rate():.0%} of the ceiling"
        )
    report(f"generation of {options.num_generated} sheets of 28x32", "call", race(generations, options))


def add_torch(settings, data_set, states, label, latent, steps, generations) -> None:
    """Add PyTorch's contestants, after a check that its networks and losses are the same."""
    import torch
    from pytorch_rugan import PytorchRUGAN, copy_weights

    from rugan_tf.train.building import build_model, lattice_period

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    check_equal(settings, data_set, states, label)
    torch_states, torch_label = torch.from_numpy(states.copy()), torch.from_numpy(label.copy())
    inputs = torch.from_numpy(latent.numpy()).permute(0, 3, 1, 2).contiguous()
    request = torch.zeros(len(inputs))
    for name, compiled in (("PyTorch eager", False), ("torch.compile", True)):
        theirs = PytorchRUGAN(settings, lattice_period(data_set), (ROWS, COLS), compiled=compiled)
        source = build_model(settings, data_set)
        copy_weights(source.generator, theirs.generator)
        copy_weights(source.critic, theirs.critic)
        steps[name] = lambda theirs=theirs: theirs.train_step(torch_states, torch_label)
        network = PytorchRUGAN(settings, lattice_period(data_set), (ROWS, COLS)).generator.eval()
        run = torch.compile(network) if compiled else network
        generations[name] = torch.no_grad()(lambda run=run: run(inputs, request).argmax(1).numpy())


def check_equal(settings, data_set, states, label) -> None:
    """Raise ValueError unless losses and gradients of the critic are the same for the same sheets, without dropout."""
    import numpy as np
    import tensorflow as tf
    import torch
    from pytorch_rugan import PytorchRUGAN, copy_weights

    from rugan_tf.train.building import build_model, lattice_period

    settings = dataclasses.replace(settings, dropout=0.0, xla=False)
    model, theirs = build_model(settings, data_set), PytorchRUGAN(settings, lattice_period(data_set), (ROWS, COLS))
    copy_weights(model.generator, theirs.generator)
    copy_weights(model.critic, theirs.critic)
    states, label = states[: settings.batch_size], label[: settings.batch_size]
    seed = tf.constant([1, 2])
    latent_seed, epsilon_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
    fake = model.draw_fake(tf.constant(states), tf.constant(label), latent_seed, tf.constant(0)).numpy()
    epsilon = tf.random.stateless_uniform((len(label),), epsilon_seed, alg="philox").numpy()
    logs, gradients = model.compute_critic_gradients(tf.constant(states), tf.constant(label), seed, tf.constant(0))
    loss = theirs.critic_loss(
        torch.from_numpy(states.copy()),
        torch.from_numpy(label.copy()),
        torch.from_numpy(fake).permute(0, 3, 1, 2),
        torch.from_numpy(epsilon)[:, None, None, None],
    )
    loss.backward()
    loss = loss.detach()
    ours = float(logs["critic_loss"])
    sizes = sorted(float(np.square(gradient).sum()) for gradient in gradients)
    found = sorted(float(one.grad.square().sum()) for one in theirs.critic.parameters() if one.grad is not None)
    apart = max(abs(a - b) / (1e-6 + max(a, b)) for a, b in zip(sizes[-20:], found[-20:], strict=False))
    shape = (len(label), ROWS // 2, COLS // 2, settings.latent_channels)
    latent = tf.random.stateless_normal(shape, latent_seed, alg="philox")
    label_map = tf.ones(shape[:3]) * label[:, None, None]
    probabilities = model.generator({"latent": latent, "label": label_map}, training=True).numpy()
    others = theirs.generator(torch.from_numpy(latent.numpy()).permute(0, 3, 1, 2), torch.from_numpy(label.copy()))
    generated = np.abs(others.detach().permute(0, 2, 3, 1).numpy() - probabilities).max()
    print(f"same networks: critic losses {ours:.6f} and {float(loss):.6f}")
    print(f"apart: squared norms of gradients {apart:.1e} of themselves, probabilities {generated:.1e}")
    if abs(ours - float(loss)) > 1e-3 * (1 + abs(ours)) or apart > 1e-3 or generated > 1e-4:
        raise ValueError("PyTorch must compute the same losses and gradients")


def race(contestants: dict[str, Callable[[], object]], options: BenchmarkOptions, ceiling=None) -> dict[str, float]:
    """Return the median seconds of one call of each."""
    repeats = {}
    for name, contestant in contestants.items():
        start = time.perf_counter()
        contestant()
        repeats[name] = max(1, round(options.seconds / (time.perf_counter() - start)))
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for round_ in range(options.rounds):
        if ceiling is not None:
            ceiling.measure()
        turned = names[round_ % len(names) :] + names[: round_ % len(names)]
        for name in turned if round_ % 2 == 0 else turned[::-1]:
            start = time.perf_counter()
            for _ in range(repeats[name]):
                contestants[name]()
            seconds[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(what: str, unit: str, seconds: dict[str, float]) -> None:
    """Print times and how many times faster ours are."""
    print(what)
    for name, value in seconds.items():
        print(f"  {name}: {value * 1e3:.1f} ms per {unit}")
    for ours in (name for name in seconds if name.startswith("rugan_tf")):
        for theirs in (name for name in seconds if not name.startswith("rugan_tf")):
            print(f"  {ours} against {theirs}: {seconds[theirs] / seconds[ours]:.2f} times as fast")


if __name__ == "__main__":
    main(tyro.cli(BenchmarkOptions))
