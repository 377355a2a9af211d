"""What a training can be told, and the presets."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import tyro

from rugan_tf.config import require_positive, require_training_options, to_json
from rugan_tf.errors import InputError
from rugan_tf.systems.conditions import ENERGY_PER_AREA
from rugan_tf.train.loss_options import LossOptions
from rugan_tf.train.map_options import MapOptions

TRANSIENT = (
    "data",
    "run_dir",
    "resume",
    "overwrite",
    "devices",
    "checkpoint_minutes",
    "judge_sheets",
    "judge",
    "strict",
    "profile",
    "eager",
)  # what a resumed run may say differently, since the result does not depend on it
CHANGEABLE = ("num_updates", "epochs", "learning_rate")  # what it may say differently, and then is told


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """Options of a training."""

    data: Path
    """Data set, .npz, as `rugan data` writes it."""
    run_dir: Path
    """Folder of this training: configuration, checkpoints, TensorBoard, model."""
    conditions: tuple[str, ...] = (ENERGY_PER_AREA,)
    """What sheets will be asked for, by the names of properties that the data have or the material tells."""
    resume: bool = False
    """Go on from the newest checkpoint of the run folder."""
    overwrite: bool = False
    """Throw away what the run folder holds."""
    num_updates: int = 65_536
    """Generator updates."""
    epochs: int | None = None
    """How often the critic sees every sheet; sets num_updates, rounded up to whole intervals."""
    interval: int = 256
    """Generator updates between two checkpoints."""
    batch_size: int = 100
    """Sheets of one update."""
    critic_steps: int = 10
    """Critic updates per generator update."""
    learning_rate: float = 1e-4
    """Of Adam (0, 0.9, 1e-8), for both networks."""
    decay_learning_rate: bool = False
    """Lower the learning rate linearly to zero at the end."""
    average_decay: float = 0.0
    """Largest decay per update of the moving average of the generator, which is what is exported; 0 for the generator
    itself, as in the paper."""
    shifts: bool = False
    """Shift every sheet at random by periods of the lattice."""
    width: int = 128
    """Channels of the generator's hidden layers."""
    critic_width: int = 128
    """Channels of the critic's hidden layers."""
    critic_blocks: int = 3
    """Residual blocks of the critic."""
    latent_channels: int = 63
    """Gaussian channels of the latent."""
    dropout: float = 0.25
    """Share dropped after each block of the critic."""
    projection: bool = False
    """Condition the critic by projection on the label as well."""
    head_layers: int = 0
    """Dense layers of the critic between the means over a sheet and its score, which see the label."""
    window_means: bool = False
    """Let every block of the generator know its channels' means over a window of the training size."""
    refinements: int = 0
    """Blocks at the generator's end that see the draft of the sheet and correct it."""
    fold_generator: bool = False
    """Let the generator make a whole period of the lattice at once, so that its convolutions know the lattice."""
    hard_samples: bool = False
    """Show the critic one-hot sheets, as users get them, instead of probabilities."""
    sample_noise: float = 0.0
    """Gumbel noise on the logarithms of the probabilities before hard samples are made: the generator must decide."""
    generator: str | None = None
    """Your own generator: package.module:function, which takes a NetworkRequest (rugan_tf.train.building)."""
    critic: str | None = None
    """Your own critic, likewise."""
    weights: Path | None = None
    """Start from the weights of the same networks: in the newest checkpoint of a run folder, or of the generator alone
    in an exported model, a folder or a name."""
    seed: int = 0
    """Of initial weights, latents, dropout, order and shifts of the data."""
    xla: bool = False
    """Compile losses and gradients by XLA."""
    mixed_bfloat16: bool = False
    """Compute the networks in bfloat16, with weights and losses in float32; for GPUs."""
    devices: int | None = None
    """Devices of this machine to train on: GPUs, or that many parts of the processor where there are none; all GPUs
    unless given. Several machines: set TF_CONFIG."""
    checkpoint_minutes: float | None = None
    """Write a checkpoint after so many minutes as well."""
    judge_sheets: int = 512
    """Sheets whose energies are judged after every fifth interval; a quarter of them at twice the size; 0 for none."""
    judge: str | None = None
    """What judges them: ednn, ednn:FOLDER, or another energy by name; the shipped EDNN unless given, where its energies
    are those of the data."""
    strict: bool = False
    """Refuse a judge whose energies may not be comparable with the data's, instead of a warning."""
    profile: bool = False
    """Record updates 10 to 15 for the profiler of TensorBoard."""
    eager: bool = False
    """Run without compiling, so that a debugger can stop inside of an update; slow."""
    loss: LossOptions = LossOptions()
    maps: MapOptions = MapOptions()

    def __post_init__(self) -> None:
        """Refuse options that make no training."""
        require_positive(
            self, "num_updates", "interval", "batch_size", "critic_steps", "width", "critic_width", "latent_channels"
        )
        require_positive(self, "critic_blocks")
        if self.epochs is not None and self.epochs < 1:
            raise InputError(f"epochs must be at least 1. Received: epochs={self.epochs}")
        if self.num_updates % self.interval:
            raise InputError(
                "num_updates must be a multiple of --interval, since a run ends with a checkpoint. "
                f"Received: num_updates={self.num_updates}, interval={self.interval}"
            )
        for name in ("head_layers", "refinements"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative. Received: {name}={getattr(self, name)}")
        if not self.sample_noise >= 0 or (self.sample_noise and not self.hard_samples):
            raise InputError(
                "sample_noise must not be negative, and needs hard samples. "
                f"Received: sample_noise={self.sample_noise}, hard_samples={self.hard_samples}"
            )
        if self.loss.regression_weight and not self.head_layers:
            raise InputError(
                "A critic that predicts labels needs a head, below which the label is unknown. "
                f"Received: regression_weight={self.loss.regression_weight}, head_layers=0"
            )
        if self.maps.map_weight and self.loss.regression_weight:
            raise InputError(
                "A training learns its labels from maps or from a critic that predicts them, not from both. "
                f"Received: map_weight={self.maps.map_weight}, regression_weight={self.loss.regression_weight}"
            )
        if self.devices is not None and self.devices < 1:
            raise InputError(f"devices must be at least 1. Received: devices={self.devices}")
        if self.checkpoint_minutes is not None and not self.checkpoint_minutes > 0:
            raise InputError(f"checkpoint_minutes must be positive. Received: {self.checkpoint_minutes}")
        if self.judge_sheets < 0:
            raise InputError(f"judge_sheets must not be negative. Received: judge_sheets={self.judge_sheets}")
        require_training_options(self)

    @property
    def has_maps(self) -> bool:
        """Whether labels are maps: of the energy, asked for alone. Other labels are one number for a sheet."""
        return self.maps.map_weight > 0 and self.conditions == (ENERGY_PER_AREA,)

    def for_sheets(self, num_sheets: int) -> "TrainOptions":
        """Return the options with `num_updates` that `epochs` of so many sheets take; these if there are no epochs."""
        if self.epochs is None:
            return self
        # An update shows the critic critic_steps batches; whole intervals, so that the last ends with a checkpoint.
        updates = -(-self.epochs * num_sheets // (self.batch_size * self.critic_steps))
        return dataclasses.replace(self, num_updates=-(-updates // self.interval) * self.interval)

    def resolved(self) -> dict[str, Any]:
        """Return the options that make the training what it is, as JSON content."""
        told = {name: value for name, value in to_json(self).items() if name not in TRANSIENT}
        if self.conditions == (ENERGY_PER_AREA,):
            del told["conditions"]  # as runs tell that are older than this option, and may be resumed
        return told


def flat(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested options as one level, the names of inner ones after a slash: "loss/consistency_weight"."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= flat(value, f"{prefix}{name}/") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


@dataclasses.dataclass(frozen=True)
class Change:
    """What a resumed run is told otherwise than before.

    Attributes:
        option: its name.
        before: value of the run so far.
        after: value from now on.
    """

    option: str
    before: Any
    after: Any


def changes_of(options: TrainOptions, config: Path, data_checksum: str) -> list[Change]:
    """Return what a resumed run changes of the options in its config.json.

    Raises:
        InputError: more than length and learning rate differ, or the data does; these differences are named.
    """
    content = json.loads(config.read_text(encoding="utf-8"))
    # The data by its content: a file of the same name with other sheets is another training.
    stored = flat(content["options"]) | {"data_sha256": content["data"]["sha256"]}
    given = flat(options.resolved()) | {"data_sha256": data_checksum}
    changes = [
        Change(name, stored.get(name), given.get(name))
        for name in sorted({*stored, *given})
        if stored.get(name) != given.get(name)
    ]
    hindering = [change for change in changes if change.option not in CHANGEABLE]
    if hindering:
        pairs = ", ".join(f"{change.option}={change.after} instead of {change.before}" for change in hindering)
        raise InputError(
            f"A resumed run must have the options and the data it began with, except {', '.join(CHANGEABLE)}. "
            f"Received: {pairs}"
        )
    return changes


PAPER = TrainOptions(data=tyro.MISSING, run_dir=tyro.MISSING)

CPU = dataclasses.replace(
    PAPER,
    num_updates=6000,
    interval=200,
    batch_size=32,
    critic_steps=1,
    learning_rate=1.3e-3,
    width=48,
    critic_width=48,
    dropout=0.1,
    projection=True,
    head_layers=2,
    refinements=4,
    fold_generator=True,
    hard_samples=True,
    sample_noise=0.5,
    average_decay=0.998,
    shifts=True,
    loss=LossOptions(gradient_penalty_weight=1.0),
    maps=MapOptions(map_weight=10.0),
)

QUICK = dataclasses.replace(
    CPU,
    num_updates=2400,
    interval=100,
    learning_rate=2e-3,
    decay_learning_rate=True,
    average_decay=0.98,
    width=32,
    critic_width=32,
)

PRESETS = {
    "quick": (QUICK, "Minutes on two cores: shows that everything works."),
    "cpu": (CPU, "A quarter of an hour or more on two cores: a usable model, which the shipped one began as."),
    "paper": (PAPER, "The paper's settings: 655,360 critic updates at width 128, for GPUs."),
}
