"""One training of the EDNN: split, fit with early stopping, run folder, SavedModel."""

import json
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm.keras import TqdmCallback

import rugan_tf
from rugan_tf import files
from rugan_tf.config import to_json
from rugan_tf.ednn.options import EdnnTrainOptions
from rugan_tf.ednn.reference import Split, SymmetricBatches, fit_state_energies, split_reference, total_energy
from rugan_tf.ednn.saved_model import MAX_CELLS, write_saved_model
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, read_data_set
from rugan_tf.networks.ednn import EDNN
from rugan_tf.saved.ednn_card import EdnnCard


def train(options: EdnnTrainOptions) -> None:
    """Train, and leave config.json, tensorboard/, ednn.keras and saved_model/1 in the run folder.

    Raises:
        InputError: too few sheets, or energies that are all equal.
        FileExistsError: the run folder has content, and neither resume nor overwrite was said; or a run that is to
            be resumed has finished.
    """
    data_set = read_data_set(options.data)
    data_set = data_set if options.property is None else data_set.labelled_by(options.property)
    split = split_reference(len(data_set.states), options.num_reference)
    energy = total_energy(data_set)
    # Most of an energy is that of its atoms. Taken off by least squares, it leaves the network the small rest to learn.
    constants, scale = fit_state_energies(data_set.states[split.train], energy[split.train], data_set.system.num_states)
    open_run_folder(options, run_facts(options, data_set, split))
    # Keras seeds NumPy too, whose old generator takes 32 bits.
    keras.utils.set_random_seed(options.seed % 2**32)
    system = data_set.system
    period = (system.row_period, system.col_period)
    model = EDNN(options.width, options.context, system.num_states, period, constants, scale, name="ednn")
    model.build()
    fit(model, options, data_set, split, energy)
    with files.replacing(options.run_dir / "ednn.keras") as temporary:
        model.save(temporary)
    card = EdnnCard(
        system=system.spec,
        reference=data_set.metadata.get("energy"),
        data_sha256=data_set.checksum,
        max_cells=MAX_CELLS,
        halo=model.halo,
        period=model.period,
        training=run_facts(options, data_set, split),
    )
    version = write_saved_model(model, system, options.run_dir / "saved_model", card)
    print(
        f"{options.run_dir}: ednn.keras and {version}\n"
        f"next: python -m rugan_tf.ednn evaluate --run-dir {options.run_dir} --data {options.data} "
        f"--out {options.run_dir / 'evaluation'}\n"
        f"then: python -m rugan_tf.train quick --data {options.data} --map-ednn {options.run_dir / 'saved_model'} "
        "--run-dir runs/quick"
    )


def fit(model: EDNN, options: EdnnTrainOptions, data_set: DataSet, split: Split, energy: Any) -> None:
    """Fit with Adam, the rate decaying as a cosine to zero; keep the weights of the best validation error."""
    states = data_set.states
    batches = SymmetricBatches(
        data_set.system, states[split.train], energy[split.train], options.batch_size, options.seed
    )
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.num_epochs * len(batches))
    model.compile(
        keras.optimizers.Adam(rate),
        loss=energy_loss(states[0].size * model.energy_scale),
        metrics=[keras.metrics.MeanAbsoluteError(name="mae_eV")],
        jit_compile=False,
    )
    folder = options.run_dir / "backup" / "state.weights.h5"
    # Two checkpoints: a run that is killed while it writes one has that before.
    backup = keras.callbacks.BackupAndRestore(str(folder), double_checkpoint=True)
    model.fit(
        batches,
        validation_data=(states[split.validation], energy[split.validation].astype("float32")),
        epochs=options.num_epochs,
        shuffle=False,  # the batches are drawn from a new order every epoch, which does not depend on resuming
        verbose=0,
        callbacks=[
            backup,
            EpochOfBatches(batches),
            # By a part that is neither fitted nor tested, else the test would have chosen the weights.
            keras.callbacks.EarlyStopping("val_mae_eV", patience=options.patience, restore_best_weights=True),
            keras.callbacks.TensorBoard(str(options.run_dir / "tensorboard"), write_graph=False),
            TqdmCallback(verbose=0, desc="training"),
        ],
    )


def energy_loss(scale: float) -> Any:
    """Return the mean squared error in units of `scale` (eV)."""

    def scaled_squared_error(reference: Any, predicted: Any) -> Any:
        # Flat both: (batch, 1) less (batch,) would be every pair of the batch.
        return tf.reduce_mean(tf.square((tf.reshape(predicted, (-1,)) - tf.reshape(reference, (-1,))) / scale))

    return scaled_squared_error


class EpochOfBatches(keras.callbacks.Callback):
    """Tell the batches which epoch a resumed training is in."""

    def __init__(self, batches: SymmetricBatches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 - as Keras calls it
        """Set the epoch."""
        self.batches.epoch = epoch


def open_run_folder(options: EdnnTrainOptions, facts: dict[str, Any]) -> None:
    """Make the run folder with config.json, or check that a resumed run is unfinished and began with the same."""
    folder, config = options.run_dir, options.run_dir / "config.json"
    if not options.resume:
        if options.data.resolve().is_relative_to(folder.resolve()) and options.overwrite:
            raise InputError(f"A run folder that is overwritten must not hold the data. Received: {options.data}")
        files.require_fresh_folder(folder, overwrite=options.overwrite)
        files.write_json(config, facts)
        return
    if not config.is_file():
        raise FileNotFoundError(f"A run that is resumed must have a config.json. Received: {folder}")
    if (folder / "saved_model").exists():
        raise FileExistsError(f"A run that is resumed must not have finished. Received: {folder}")
    # Data are compared by content: a file that was moved is the same, one that was written anew may not be.
    stored, given = (
        content["options"] | {"data": content["data"]["sha256"], "run_dir": None}
        for content in (json.loads(config.read_text(encoding="utf-8")), facts)
    )
    differing = sorted(name for name in {*stored, *given} if stored.get(name) != given.get(name))
    if differing:
        pairs = ", ".join(f"{name}={given.get(name)} instead of {stored.get(name)}" for name in differing)
        raise InputError(f"A resumed run must have the options and the data it began with. Received: {pairs}")


def run_facts(options: EdnnTrainOptions, data_set: DataSet, split: Split) -> dict[str, Any]:
    """Return what config.json holds."""
    return {
        "options": {name: value for name, value in to_json(options).items() if name not in ("resume", "overwrite")},
        "data": {"path": str(options.data), "sha256": data_set.checksum, "energy": data_set.metadata.get("energy")},
        "split": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "rugan_tf": rugan_tf.__version__,
    }


def load_ednn(run_dir: Path) -> EDNN:
    """Load the network of a run folder.

    Raises:
        FileNotFoundError: there is none.
    """
    path = run_dir / "ednn.keras"
    if not path.is_file():
        raise FileNotFoundError(f"A run must have written ednn.keras. Received: {run_dir}")
    return keras.saving.load_model(path, compile=False, safe_mode=True)
