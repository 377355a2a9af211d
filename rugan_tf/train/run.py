"""One training from options to a run folder: data, networks, the loop, what it leaves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.conditions import Labels, labels_of
from rugan_tf.data.map_batches import LabelMaps
from rugan_tf.data.pipeline import training_batches
from rugan_tf.data.synthesis import require_even
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, read_data_set
from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.exported_weights import weights_of_network
from rugan_tf.saved.model_card import read_exported_card
from rugan_tf.saved.shipped import find_model
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.train import devices
from rugan_tf.train.building import build_generator, build_model, lattice_period
from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.curves import write_curves
from rugan_tf.train.gallery import Gallery
from rugan_tf.train.interruption import StopOnSigterm
from rugan_tf.train.judge import judge_for
from rugan_tf.train.judged_labels import judged_labels
from rugan_tf.train.learnt_maps import LearntMaps
from rugan_tf.train.loop import Course, compiled_step, train_updates
from rugan_tf.train.mesoscale_judge import mesoscale_judge_for
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN
from rugan_tf.train.run_folder import open_run_folder, record_changes, write_generator, write_model_card
from rugan_tf.train.tensorboard_log import TensorBoardLog


def train(options: TrainOptions) -> None:
    """Train, or go on with a training, and leave everything in the run folder.

    The folder gets config.json (options, data, environment), checkpoints/, tensorboard/, model/generator.keras and
    model/model.json (what the export needs).

    Raises:
        InputError: data that this network cannot be trained on, a run folder of another configuration, or a training
            that diverged.
        FileExistsError: the run folder has content, and neither resume nor overwrite was said.
    """
    data_set = read_data_set(options.data)
    require_even(*data_set.states.shape[1:])
    # Before anything is written: config.json then says updates, which are what a resumed run counts in.
    options = options.for_sheets(len(data_set.states))
    labels = labels_of(data_set, options.conditions)
    learnt = LearntConditions.of(labels.conditions, labels.values)
    strategy = devices.distribution_strategy(options.devices)
    devices.require_replicas(options, strategy.num_replicas_in_sync)
    # One process writes: two that write one folder would replace each other's files.
    is_chief = devices.is_chief(strategy)
    # Everything random follows from this: initial weights, dropout, and what RUGAN draws by its own generator.
    keras.utils.set_random_seed(options.seed % 2**32)
    keras.config.set_dtype_policy("mixed_bfloat16" if options.mixed_bfloat16 else "float32")
    maps = LearntMaps.of(options, data_set, learnt.each[0].scale)
    label_loss = judged_labels(options, data_set, labels, learnt) if maps is None else maps.loss
    with strategy.scope():
        model = build_model(options, data_set, label_loss)
    # Only now: networks that cannot be built leave no folder behind, and take away none that is to be overwritten.
    changes = open_run_folder(options, data_set, labels) if is_chief else []
    folder = CheckpointFolder(options.run_dir / "checkpoints")
    first_update = begin(model, folder, options, data_set.system)
    if is_chief:
        record_changes(options, changes, first_update)
        write_model_card(options, data_set, labels, learnt, None if maps is None else maps.statistics)
    course = make_course(options, data_set, labels, learnt, maps, model, folder) if is_chief else None
    with (
        devices.told_of_lost_workers(strategy, folder.last_good),
        StopOnSigterm(devices.any_worker(strategy)) as stop,
    ):
        last_update = train_updates(
            compiled_step(strategy, model),
            batches_from(
                first_update,
                options,
                data_set,
                learnt.label(labels.values),
                strategy,
                None if maps is None else maps.labels,
            ),
            model.reset_metrics,
            first_update=first_update,
            num_updates=options.num_updates,
            interval=options.interval,
            stop=stop,
            folder=folder,
            course=course,
        )
    if is_chief:
        say_what_came(options, last_update)


def begin(model: RUGAN, folder: CheckpointFolder, options: TrainOptions, system: LatticeSystem) -> int:
    """Set the state that the training goes on from, and return how many updates it has behind it."""
    if options.resume:
        first_update = folder.restore(model)
        if not options.decay_learning_rate:  # a schedule follows from the options, a constant rate from the checkpoint
            for optimizer in (model.critic_optimizer, model.generator_optimizer):
                optimizer.learning_rate = options.learning_rate
        return first_update
    if options.weights is not None:
        checkpoints = options.weights / "checkpoints"
        if checkpoints.is_dir():
            updates = CheckpointFolder(checkpoints).restore_weights(model)
            print(f"{options.run_dir}: begins with the weights of {options.weights} after {updates} updates")
        else:
            begin_with_exported(model, find_model(options.weights, "run folder or model of --weights"), system)
            print(f"{options.run_dir}: begins with the generator of {options.weights}, and with a new critic")
    return 0


def begin_with_exported(model: RUGAN, folder: Path, system: LatticeSystem) -> None:
    """Set the generator and its average to the weights of an exported one.

    Raises:
        InputError: the exported generator is another network, or makes another material.
    """
    card = read_exported_card(folder)
    if card.system != system.spec:
        raise InputError(f"The exported generator must be of {system.name}. Received: {card.system} in {folder}")
    weights = model.generator.weights
    rule = "The exported generator must be the network of this training: the same width, latent and refinements"
    arrays = weights_of_network(folder, weights, rule)
    for weight, average, array in zip(weights, model.average.averages, arrays, strict=True):
        weight.assign(array)
        average.assign(array)


def batches_from(
    update: int,
    options: TrainOptions,
    data_set: DataSet,
    label: NDArray[np.float32],
    strategy: Any,
    maps: LabelMaps | None,
) -> Iterator[dict[str, Any]]:
    """Return the batches that come after so many updates, cut into parts for the replicas."""
    batches = training_batches(
        data_set.states,
        label,
        batch_size=options.batch_size * options.critic_steps,
        seed=options.seed,
        period=lattice_period(data_set),
        first_step=update,
        critic_steps=options.critic_steps,
        num_replicas=strategy.num_replicas_in_sync,
        shifts=options.shifts,
        maps=maps,
    )
    return iter(devices.shared_out(strategy, batches))


def make_course(
    options: TrainOptions,
    data_set: DataSet,
    labels: Labels,
    learnt: LearntConditions,
    maps: LearntMaps | None,
    model: RUGAN,
    folder: CheckpointFolder,
) -> Course:
    """Return what this process keeps of the training: TensorBoard, checkpoints, the averaged generator."""
    # A network of its own takes the averages: the one that is trained must not be touched between updates.
    network = build_generator(options, data_set)
    if not network.built:
        network.build()
    averaged = LabelledGenerator(network, learnt, None if maps is None else NaturalMaps(maps.statistics))
    gallery = Gallery(averaged, data_set, labels, options.seed)
    found = (find(options, averaged, data_set, labels) for find in (judge_for, mesoscale_judge_for))
    judges = [judge for judge in found if judge is not None]

    def save(update: int) -> None:
        folder.write(model, update)
        write_generator(model, network, options.run_dir)

    log = TensorBoardLog(options.run_dir / "tensorboard", options, model, gallery, judges)
    return Course(log, save, options.checkpoint_minutes)


def say_what_came(options: TrainOptions, last_update: int) -> None:
    """Draw the curves of a finished training; say what there is and which command comes next."""
    if last_update < options.num_updates:
        print(
            f"{options.run_dir}: stopped by SIGTERM after {last_update} generator updates, with a checkpoint\n"
            "next: the same command with --resume"
        )
        return
    write_curves(options.run_dir)
    judge = "" if options.maps.map_ednn is None else f" --ednn-dir {options.maps.map_ednn}"
    print(
        f"{options.run_dir}: {options.num_updates} generator updates; model/generator.keras is the averaged generator, "
        "curves.csv and curves.png the course\n"
        f"look: tensorboard --logdir {options.run_dir / 'tensorboard'}\n"
        f"next: python -m rugan_tf.export --run-dir {options.run_dir} --out {options.run_dir / 'saved_model'}{judge}"
    )
