"""One training from options to a run folder: data, networks, callbacks, fit."""

import importlib.metadata
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

import rugan_tf
from rugan_tf import files
from rugan_tf.data.pipeline import training_batches
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, read_data_set
from rugan_tf.networks.critic import Critic
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.train import devices
from rugan_tf.train.callbacks import CheckpointWriter, ProgressBar, StopWhenDiverged
from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.curves import write_curves
from rugan_tf.train.gallery import Gallery
from rugan_tf.train.interruption import StopOnSigterm
from rugan_tf.train.judge import judge_for
from rugan_tf.train.model import RUGAN
from rugan_tf.train.options import TrainOptions, require_same_options
from rugan_tf.train.tensorboard_log import TensorBoardLog

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "rugan-tf")


def train(options: TrainOptions) -> None:
    """Train, or go on with a training, and leave everything in the run folder.

    The folder gets config.json (options, data, environment), checkpoints/, tensorboard/, model/generator.keras and
    model/model.json (what the export needs).

    Raises:
        InputError: data that this network cannot be trained on, or a run folder of another configuration.
        FileExistsError: the run folder has content, and neither resume nor overwrite was said.
    """
    data_set = read_data_set(options.data)
    require_even(data_set)
    options = options.for_sheets(len(data_set.states))
    scale = LabelScale.of(data_set.energy_per_area)
    strategy = devices.distribution_strategy(options.devices)
    devices.require_replicas(options, strategy.num_replicas_in_sync)
    chief = devices.is_chief(strategy)
    if chief:
        open_run_folder(options, data_set)
    keras.utils.set_random_seed(options.seed % 2**32)
    keras.config.set_dtype_policy("mixed_bfloat16" if options.mixed_bfloat16 else "float32")
    with strategy.scope():
        model = build_model(options, data_set)
    folder = CheckpointFolder(options.run_dir / "checkpoints")
    done = folder.restore(model) if options.resume else 0
    if chief:
        write_model_facts(options, data_set, scale)

    def batches_from(step: int) -> Any:
        batches = training_batches(
            data_set.states,
            scale.label(data_set.energy_per_area),
            batch_size=options.batch_size * options.critic_steps,
            seed=options.seed,
            period=lattice_period(data_set),
            first_step=step,
            critic_steps=options.critic_steps,
            num_replicas=strategy.num_replicas_in_sync,
            shifts=options.shifts,
        )
        return devices.shared_out(strategy, batches)

    look = build_generator(options, data_set)
    look.build()
    writer = CheckpointWriter(
        folder,
        done,
        options.interval,
        options.checkpoint_minutes,
        lambda trained: write_generator(trained, look, options.run_dir),
    )
    stopper = StopOnSigterm(done, devices.any_worker(strategy))
    callbacks: list[keras.callbacks.Callback] = [StopWhenDiverged(folder), stopper]
    if chief:
        gallery = Gallery(look, data_set, scale, options.seed)
        judge = judge_for(options.judge_sheets, look, data_set, scale, options.seed)
        log = TensorBoardLog(options.run_dir / "tensorboard", options, done, gallery, judge)
        callbacks += [ProgressBar(options.num_updates, done), log, writer]
    with devices.told_of_lost_workers(strategy, folder.last_good):
        fit(model, batches_from, options, done, callbacks)
    if not chief:
        return
    if stopper.stopped_at is not None:
        print(
            f"{options.run_dir}: stopped by SIGTERM after {stopper.stopped_at} generator updates, with a checkpoint\n"
            "next: the same command with --resume"
        )
        return
    write_curves(options.run_dir)
    print(
        f"{options.run_dir}: {options.num_updates} generator updates; model/generator.keras is the averaged generator, "
        "curves.csv and curves.png the course\n"
        f"look: tensorboard --logdir {options.run_dir / 'tensorboard'}\n"
        f"next: python -m rugan_tf.export --run-dir {options.run_dir} --out {options.run_dir / 'saved_model'}"
    )


def fit(
    model: RUGAN,
    batches_from: Callable[[int], Any],
    options: TrainOptions,
    done: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Train from `done` updates to the end, one epoch of Keras for each interval.

    After a checkpoint within an interval the first epoch is what is left of that interval.
    """
    settings: dict[str, Any] = {"callbacks": callbacks, "shuffle": False, "verbose": 0}
    epoch, begun = divmod(done, options.interval)
    if begun:
        steps = options.interval - begun
        model.fit(batches_from(done), initial_epoch=epoch, epochs=epoch + 1, steps_per_epoch=steps, **settings)
        epoch += 1
    last = options.num_updates // options.interval
    if epoch < last and not model.stop_training:
        batches = batches_from(epoch * options.interval)
        model.fit(batches, initial_epoch=epoch, epochs=last, steps_per_epoch=options.interval, **settings)


def require_even(data_set: DataSet) -> None:
    """Raise InputError unless the generator, which doubles its latent, can make sheets of this size."""
    rows, cols = data_set.states.shape[1:]
    if rows % 2 or cols % 2:
        raise InputError(f"rows and cols must be even to be generated. Received: rows={rows}, cols={cols}")


def lattice_period(data_set: DataSet) -> tuple[int, int]:
    """Return the rows and columns after which the lattice repeats."""
    return data_set.system.row_period, data_set.system.col_period


def build_model(options: TrainOptions, data_set: DataSet) -> RUGAN:
    """Build networks and optimisers."""
    num_states = data_set.system.num_states
    critic = Critic(
        options.critic_width,
        num_states,
        lattice_period(data_set),
        options.dropout,
        options.projection,
        options.head_layers,
        options.loss.regression_weight > 0,
        options.critic_blocks,
        name="critic",
    )
    model = RUGAN(
        build_generator(options, data_set),
        critic,
        num_states=num_states,
        latent_channels=options.latent_channels,
        critic_steps=options.critic_steps,
        loss_options=options.loss,
        average_decay=options.average_decay,
        hard_samples=options.hard_samples,
        sample_noise=options.sample_noise,
        seed=options.seed,
    )
    model.compile(
        build_optimizer(options, options.num_updates * options.critic_steps),
        build_optimizer(options, options.num_updates),
        use_xla=options.xla,
    )
    return model


def build_generator(options: TrainOptions, data_set: DataSet) -> Generator:
    """Build a generator, to be trained or to take the averaged weights."""
    period = lattice_period(data_set) if options.fold_generator else (1, 1)
    window = data_set.states.shape[1:] if options.window_means else None
    return Generator(
        options.width,
        data_set.system.num_states,
        options.latent_channels,
        period,
        window,
        options.refinements,
        name="generator",
    )


def build_optimizer(options: TrainOptions, num_steps: int) -> keras.optimizers.Optimizer:
    """Build Adam with the paper's moments, its rate constant or decaying linearly to zero over `num_steps`."""
    rate: Any = options.learning_rate
    if options.decay_learning_rate:
        rate = keras.optimizers.schedules.PolynomialDecay(rate, num_steps, end_learning_rate=0.0)
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9, epsilon=1e-8)


def open_run_folder(options: TrainOptions, data_set: DataSet) -> None:
    """Make the run folder with config.json, or check that a resumed one belongs to these options and data."""
    config = options.run_dir / "config.json"
    if options.resume:
        if not config.is_file():
            raise FileNotFoundError(f"A run that is resumed must have a config.json. Received: {options.run_dir}")
        require_same_options(options, config, data_set.checksum)
        return
    files.require_fresh_folder(options.run_dir, options.overwrite)
    content = {
        "options": options.resolved(),
        "data": {"path": str(options.data), "sha256": data_set.checksum, "num_sheets": len(data_set.states)},
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }
    files.write_json(config, content)


def write_model_facts(options: TrainOptions, data_set: DataSet, scale: LabelScale) -> None:
    """Write model/model.json: what is needed, beside the generator, to generate and to say where it comes from."""
    energies = data_set.energy_per_area
    facts = {
        "system": data_set.system.spec,
        "rows": data_set.states.shape[1],
        "cols": data_set.states.shape[2],
        "latent_channels": options.latent_channels,
        "label_mean": scale.mean,
        "label_standard_deviation": scale.standard_deviation,
        "energy_range": [float(energies.min()), float(energies.max())],
        "energy": data_set.metadata.get("energy"),
        "training": options.resolved() | {"data_sha256": data_set.checksum, "rugan_tf": rugan_tf.__version__},
    }
    files.write_json(options.run_dir / "model" / "model.json", facts)


def write_generator(model: RUGAN, generator: Generator, run_dir: Path) -> None:
    """Write the averaged generator in Keras format."""
    model.average.copy_to(generator)
    with files.replacing(run_dir / "model" / "generator.keras") as temporary:
        generator.save(temporary)
