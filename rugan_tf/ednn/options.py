"""What a training of the EDNN, and its evaluation, can be told."""

import dataclasses
from pathlib import Path

from rugan_tf.config import OptionGroup, require_positive, require_training_options
from rugan_tf.errors import InputError
from rugan_tf.systems.named import DEFAULT_SYSTEM

GFN1 = 'ase:tblite.ase:TBLite:{"method": "GFN1-xTB", "verbosity": 0}'


@dataclasses.dataclass(frozen=True)
class TrainMainOptions(OptionGroup):
    """What is learnt, and where the run goes."""

    data: Path
    """Reference data set, .npz, as `rugan data` writes it; at least 40 sheets."""
    run_dir: Path
    """Folder of this training: configuration, split, TensorBoard, model."""
    resume: bool = False
    """Go on from the last epoch of the run folder."""
    overwrite: bool = False
    """Throw away what the run folder holds."""
    property: str | None = None
    """Learn this property of the data, per area, in place of the energy: one that is a sum over places."""
    num_reference: int | None = None
    """Use only this many sheets of the training part; all unless said otherwise."""
    seed: int = 0
    """Of initial weights, order and symmetric images; 0 or more."""


@dataclasses.dataclass(frozen=True)
class NetworkOptions(OptionGroup):
    """The EDNN."""

    width: int = 48
    """Channels, at least 1."""
    context: int = 4
    """Reach of the context in periods of the lattice, at least 1."""


@dataclasses.dataclass(frozen=True)
class OptimisationOptions(OptionGroup):
    """How long and how fast it learns."""

    num_epochs: int = 60
    """Passes over the training part, at least 1; the learning rate decays to zero over them."""
    patience: int = 60
    """Epochs without a better validation error after which training stops, at least 1."""
    batch_size: int = 64
    """Sheets of one update, at least 1."""
    learning_rate: float = 2e-3
    """Of Adam, at the start; more than 0 and less than 1."""


@dataclasses.dataclass(frozen=True)
class EdnnTrainOptions(OptimisationOptions, NetworkOptions, TrainMainOptions):
    """Train an EDNN on reference energies."""

    def __post_init__(self) -> None:
        """Refuse options that make no training."""
        require_positive(self, "num_epochs", "patience", "batch_size", "width", "context")
        require_training_options(self)


@dataclasses.dataclass(frozen=True)
class EvaluateMainOptions(OptionGroup):
    """What is compared, and where the figures go."""

    run_dir: Path
    """Run folder of `rugan ednn train`."""
    data: Path
    """The reference data set that it was trained on; its test part is used."""
    out: Path
    """Folder for metrics.json and figures."""
    overwrite: bool = False
    """Throw away what the folder holds."""


@dataclasses.dataclass(frozen=True)
class NewSheetOptions(OptionGroup):
    """Sheets that are drawn anew and computed by what labelled the data."""

    sizes: tuple[str, ...] = ("8x8", "14x16", "20x20", "28x32")
    """Their sizes in lattice cells, ROWSxCOLS."""
    # The time of the reference grows with the third power of the cells, so there are fewer of the larger ones.
    num_sheets: tuple[int, ...] = (128, 64, 24, 8)
    """How many of each size."""
    seed: int = 1000
    """Of these sheets."""
    energy: str | None = None
    """What labelled the data, any name as for `rugan data build --energy`; the material's reference unless said
    otherwise. Without it, data by another method are judged on the held-out sheets alone."""


@dataclasses.dataclass(frozen=True)
class EdnnEvaluateOptions(NewSheetOptions, EvaluateMainOptions):
    """Compare an EDNN with reference energies that it was not trained on."""

    def __post_init__(self) -> None:
        """Refuse lists that do not match."""
        if len(self.sizes) != len(self.num_sheets):
            raise InputError(
                f"There must be one number of sheets for each size. Received: {self.sizes} and {self.num_sheets}"
            )
        self.lattice_sizes()

    def lattice_sizes(self) -> list[tuple[int, int]]:
        """Return (rows, cols) of every size."""
        try:
            return [(int(rows), int(cols)) for rows, cols in (size.split("x") for size in self.sizes)]
        except ValueError:
            raise InputError(f"Sizes must look like 14x16. Received: {self.sizes}") from None


@dataclasses.dataclass(frozen=True)
class CrossCheckOptions:
    """Compare reference energies with those of other methods on small sheets."""

    out: Path
    """Folder for cross_check.json and cross_check.png."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    energy: str | None = None
    """The reference; the material's unless said otherwise."""
    data: tuple[Path, ...] = ()
    """Data sets whose labels are the reference; --num-sheets, sizes and --seed are of drawn sheets, and not used."""
    other: tuple[str, ...] = (GFN1,)
    """The other methods, any energies that `rugan data build` takes; for GFN1-xTB install the extra `physics`."""
    repeat: int = 1
    """Compute the other methods on sheets repeated so often along both axes: for methods that see no k-points."""
    num_sheets: int = 32
    """Number of sheets."""
    # Small: GFN1-xTB takes 84 s for the perfect sheet of 14x16 cells, and four times as long for one with vacancies.
    rows: int = 6
    """Lattice cells along the rows."""
    cols: int = 8
    """Lattice cells along the columns; even where odd columns are shifted."""
    seed: int = 7
    """Of the sheets."""
    overwrite: bool = False
    """Throw away what the folder holds."""

    def __post_init__(self) -> None:
        """Refuse methods that are none, or named twice."""
        require_positive(self, "repeat")
        if not self.other or len(set(self.other)) < len(self.other):
            raise InputError(f"other must name methods, each once. Received: {self.other}")


@dataclasses.dataclass(frozen=True)
class CorrectionOptions:
    """Fit a correction of a fast method to few sheets with better energies."""

    data: tuple[Path, ...]
    """Data sets whose labels are of the better method."""
    out: Path
    """Correction to write, .json; `--energy corrected:FILE` uses it everywhere."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    base: str | None = None
    """The fast method, any energy that `rugan data build` takes; the material's reference unless said otherwise."""
    repeat: int = 1
    """Compute the fast method on sheets repeated so often along both axes: for methods that see no k-points."""
    overwrite: bool = False
    """Replace a correction that exists."""

    def __post_init__(self) -> None:
        """Refuse what is no correction."""
        require_positive(self, "repeat")
        if self.out.suffix.lower() != ".json":
            raise InputError(f"A correction must be a .json file. Received: {self.out}")


@dataclasses.dataclass(frozen=True)
class LearningCurveOptions:
    """Train EDNNs on more and more reference sheets."""

    data: Path
    """Reference data set."""
    out: Path
    """Folder for the run folders, learning_curve.json and learning_curve.png; what is finished is used again."""
    num_reference: tuple[int, ...] = (512, 2048, 8192)
    """Numbers of sheets."""
    num_updates: int = 1280
    """Updates of each training."""

    def __post_init__(self) -> None:
        """Refuse options that make no curve."""
        if not self.num_reference or min(self.num_reference) < 1:
            raise InputError(f"num_reference must hold positive numbers. Received: {self.num_reference}")
        if self.num_updates < 1:
            raise InputError(f"num_updates must be at least 1. Received: num_updates={self.num_updates}")
