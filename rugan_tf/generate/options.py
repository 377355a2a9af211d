"""What `rugan generate` can be told."""

import dataclasses
from pathlib import Path

from rugan_tf.errors import InputError
from rugan_tf.generate.atom_steps import AtomOptions


@dataclasses.dataclass(frozen=True)
class GenerateOptions:
    """Generate sheets at a requested energy per area."""

    out: Path
    """File to write: .npz, .zarr; .extxyz, .xyz, .db, .json, .cif, .vasp or POSCAR, .data (LAMMPS), .pdb;
    pictures .png, .svg, .pdf."""
    energy_per_area: tuple[float, ...] = ()
    """Requested energy per area, in the unit of the material, such as -2.6: one value, or one for each sheet.
    What the training data covers stands in the card of the model, assets.extra/rugan.json."""
    condition: tuple[str, ...] = ()
    """Instead of an energy: NAME=VALUE of every condition of the model, or NAME=VALUE,VALUE,... for several sheets."""
    within: tuple[str, ...] = ()
    """Inverse design by conditions: NAME=DIFFERENCE; generate until every sheet has these conditions so closely."""
    energy_map: Path | None = None
    """Instead of one energy: a map of it over the sheet, a .npy array in the unit of the system, or a picture, which
    needs --map-range."""
    map_range: tuple[float, float] | None = None
    """Of a map that is a picture: the energies per area of black and of white."""
    uniform: bool = False
    """Ask for the same energy everywhere: a large sheet then fluctuates less than matter does."""
    model: Path | None = None
    """Exported model: a version folder, or a folder of numeric versions; left out, the one that comes with rugan_tf."""
    rows: int | None = None
    """Lattice cells along the rows, even; as in training unless said otherwise."""
    cols: int | None = None
    """Lattice cells along the columns, even; as in training unless said otherwise."""
    size: tuple[str, ...] | None = None
    """Instead of rows and cols: lengths along x and y, or one for both, as 100 (Å), 100nm, 1um."""
    num_sheets: int | None = None
    """Number of sheets; as many as there are energies unless said otherwise."""
    seed: int = 0
    """Seed of the random numbers."""
    tile: int | None = None
    """Make sheets in tiles of so many cells a side, in less memory; sheets above the model's limit always are."""
    dask: bool = False
    """With --out NAME.zarr: share the work among the processes of a Dask cluster on this machine."""
    dask_scheduler: str | None = None
    """With --out NAME.zarr: address of the scheduler of a Dask cluster whose workers see the same folder."""
    judge: str | None = None
    """With --out NAME.zarr: EDNN that tells the energies, ednn:FOLDER; the one that comes with rugan_tf by default."""
    repair: bool = True
    """Apply the rule that the sheets of the data obey."""
    tolerance: float | None = None
    """Inverse design: generate until every sheet's energy per area, as the model's EDNN sees it, is so close."""
    max_candidates: int = 10_000
    """With --tolerance or --within: most sheets to try for each request."""
    strict: bool = False
    """Refuse energies that the training data does not cover, and with --tolerance an EDNN that may mean others."""
    overwrite: bool = False
    """Replace a file that exists."""
    atoms: AtomOptions = AtomOptions()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.tolerance is not None and not self.repair:
            raise InputError("Sheets within a tolerance are repaired ones. Received: --tolerance with --no-repair")
        if self.tolerance is not None and self.tile is not None:
            raise InputError("Sheets within a tolerance are judged whole. Received: --tolerance with --tile")
        if self.judge is not None and not self.is_streamed:
            # Others are judged by the EDNN inside of the model, if at all: the option would do nothing.
            raise InputError(
                f"A judge is for sheets that are streamed, --out NAME.zarr without --tolerance; `rugan data label` has "
                f"others judged. Received: --judge {self.judge} with --out {self.out}"
            )
        if self.tile is not None and self.tile < 2:
            raise InputError(f"tile must be at least 2. Received: tile={self.tile}")
        others = {
            "--tolerance": self.tolerance is not None,
            "--uniform": self.uniform,
            "Zarr": self.out.suffix.lower() == ".zarr",
        }
        given = [name for name, is_given in others.items() if is_given]
        if self.condition:
            self.require_conditions_alone(given)
            return
        if self.within:
            raise InputError("A search by conditions needs those, --condition. Received: --within alone")
        require_no_conflict(self.energy_map, self.energy_per_area, self.map_range, given)
        if self.uniform and self.tolerance is not None:
            raise InputError("Sheets within a tolerance vary as matter does. Received: --tolerance with --uniform")
        if self.uniform and not self.repair:
            raise InputError("Uniform sheets are repaired ones. Received: --uniform with --no-repair")
        if self.size is not None and (self.rows, self.cols) != (None, None):
            raise InputError("A size is told by lengths or by cells. Received: --size with --rows or --cols")
        if self.has_cluster and not self.is_streamed:
            raise InputError(
                f"A cluster makes sheets that are streamed, --out NAME.zarr without --tolerance. Received: {self.out}"
            )
        if self.dask and self.dask_scheduler is not None:
            raise InputError("A cluster is on this machine or elsewhere. Received: --dask with --dask-scheduler")

    def require_conditions_alone(self, others: list[str]) -> None:
        """Refuse options that are of models of the energy alone."""
        given = others + [name for name, is_given in {
            "--energy-per-area": bool(self.energy_per_area),
            "--energy-map": self.energy_map is not None,
            "--map-range": self.map_range is not None,
            "--tile": self.tile is not None,
            "--no-repair": not self.repair,
            "--dask": self.has_cluster,
        }.items() if is_given]  # fmt: skip
        if given:
            raise InputError(
                f"Conditions ask for whole, repaired sheets in memory. Received: --condition with {', '.join(given)}"
            )

    @property
    def has_cluster(self) -> bool:
        """Whether a Dask cluster does the work."""
        return self.dask or self.dask_scheduler is not None

    @property
    def is_streamed(self) -> bool:
        """Whether sheets go to the disk as they are made; those within a tolerance are judged whole."""
        return self.out.suffix.lower() == ".zarr" and self.tolerance is None

    @property
    def requested(self) -> list[float]:
        """The requested energy per area of each sheet, in the unit of the system; zeros where a map says it."""
        given = list(self.energy_per_area) if self.energy_map is None else [0.0]
        num_sheets = len(given) if self.num_sheets is None else self.num_sheets
        if num_sheets < 1:
            raise InputError(f"num_sheets must be at least 1. Received: num_sheets={num_sheets}")
        if len(given) not in (1, num_sheets):
            raise InputError(
                f"energy_per_area must be one value, or one for each of num_sheets={num_sheets} sheets. "
                f"Received: {len(given)} values"
            )
        return given * num_sheets if len(given) == 1 else given


def require_no_conflict(
    energy_map: Path | None, energies: tuple[float, ...], value_range: tuple[float, float] | None, others: list[str]
) -> None:
    """Refuse options that do not go with a map, or with none.

    Args:
        energy_map: the map, if there is one.
        energies: requested.
        value_range: of a picture.
        others: options that were given and have no meaning with a map.
    """
    if energy_map is None and not energies:
        raise InputError("A sheet needs --energy-per-area, --condition, or --energy-map FILE. Received: none of them")
    if energy_map is None and value_range is not None:
        raise InputError("A range is for a map that is a picture. Received: --map-range without --energy-map")
    if energy_map is not None and energies:
        raise InputError("A map says the energy of every place. Received: --energy-map with --energy-per-area")
    if energy_map is not None and others:
        raise InputError(f"A map is made as it is, in memory. Received: --energy-map with {', '.join(others)}")
