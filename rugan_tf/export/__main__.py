"""`python -m rugan_tf.export`: a SavedModel for TensorFlow Serving from a run folder, or from an older SavedModel."""

import dataclasses
import functools
import shlex
import sys
import warnings
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf.config import Command, OptionGroup, flag_of, given_flags, run_command
from rugan_tf.errors import InputError, InputWarning

if TYPE_CHECKING:
    from rugan_tf.saved.model_card import ExportedCard, ModelCard


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """What is exported, and where."""

    out: Path
    """Base folder; the next version number below it is written."""
    run_dir: Path | None = None
    """Run folder of `rugan train`."""
    model: Path | None = None
    """Instead of it: a model that was exported, or the name of a shipped one, whose networks, calibration, maps and
    EDNN are taken over. What is computed around them is then that of this version of the package. No other option goes
    with it but --out."""
    max_cells: int = 2**22
    """Largest batch * rows * cols that one request may ask for, at least 4; up to 1 KiB of memory each at width 48."""


@dataclasses.dataclass(frozen=True)
class EdnnOptions(OptionGroup):
    """The network inside of the model that tells energies obtained, and corrects by them what is asked for."""

    ednn: bool = False
    """Put the shipped EDNN of the material inside."""
    ednn_dir: Path | None = None
    """Put this EDNN inside instead, a saved_model folder of `rugan ednn train`."""
    calibration_sheets: int = 4096
    """Sheets on which requested energies are calibrated to the energies obtained; 0 for none."""
    feedback: int = 5
    """How often `generate` corrects what it asks the generator for, up to sheets of 128x128 cells; each time costs as
    much as the sheet; 0 for none."""
    strict: bool = False
    """Refuse an EDNN whose energies may not be comparable with those that the model was trained on."""


@dataclasses.dataclass(frozen=True)
class ExportOptions(EdnnOptions, MainOptions):
    """Write the averaged generator of a run as a SavedModel."""


def export(given: Set[str], options: ExportOptions) -> None:
    """Export, and say where; `given` are the options that were typed, as --name."""
    require_one_source(options, given)
    if options.model is not None:
        again(options.model, options.out)
    elif options.run_dir is not None:
        export_of_run(options, options.run_dir, given)


def require_one_source(options: ExportOptions, given: Set[str]) -> None:
    """Raise InputError for two sources, none, and options that a model brings with it."""
    if (options.run_dir is None) == (options.model is None):
        received = "both" if options.run_dir else "neither"
        raise InputError(f"Either --run-dir or --model must be given. Received: {received}")
    # As typed and not as other than the defaults: those of a model may be others, which a default would not change.
    others = sorted(given - {flag_of(name) for name in ("out", "run_dir", "model")})
    if options.model is not None and others:
        raise InputError(f"With --model all but --out is as in the model. Received: {' '.join(others)}")


def again(model: Path, out: Path) -> None:
    """Export a model once more, and say where."""
    from rugan_tf.export.again import export_again
    from rugan_tf.saved.model_card import read_exported_card

    version = export_again(model, out)
    card = read_exported_card(version)
    print(f"{version}: networks, calibration, maps and EDNN of {model}, the rest of rugan_tf {card.rugan_tf}")
    print(f"{limits(card)}, as before")
    print(f"next: {next_command(card, out)}")


def limits(card: "ExportedCard") -> str:
    """Return what a card records of the options of its export, which it may have taken from another export."""
    return f"corrected {card.feedback} times, up to {card.max_cells} cells a request"


def export_of_run(options: ExportOptions, run_dir: Path, given: Set[str]) -> None:
    """Export a run, and say where."""
    from rugan_tf.energies.ednn import ednn_in, shipped_ednn
    from rugan_tf.energies.origin import origin_in, require_agreement
    from rugan_tf.export.saved_model import export_run
    from rugan_tf.saved.model_card import read_exported_card, read_run_card
    from rugan_tf.systems.named import system_named

    judge, num_calibration = None, 0
    card = read_run_card(run_dir)
    if options.ednn or options.ednn_dir is not None:
        system = system_named(card.system)
        ednn = ednn_in(options.ednn_dir or shipped_ednn(system), system)
        origins = {"the training data": origin_in(card.energy_metadata), "the EDNN": ednn.origin}
        require_agreement(origins, strict=options.strict)
        judge = ednn.folder
        num_calibration = options.calibration_sheets
    warn_of_idle(options, given, card, has_judge=judge is not None)
    version = export_run(run_dir, options.out, options.max_cells, judge, num_calibration, feedback=options.feedback)
    exported = read_exported_card(version)
    print(f"{version}: signatures generate (serving_default), generate_from_latent{more(card, judge)}")
    print(limits(exported))
    print(f"next: {next_command(exported, options.out)}")


def more(card: "ModelCard", judge: Path | None) -> str:
    """Return which further signatures there are, for the line that says where the model is."""
    own = "" if card.conditions is not None else ", generate_from_map, calibrate, map"
    if judge is None:
        return f"{own}; without --ednn it does not tell the energies obtained"
    return f"{own}, energy" + ("" if card.conditions is not None else ", local_energy")


def warn_of_idle(options: ExportOptions, given: Set[str], card: "ModelCard", *, has_judge: bool) -> None:
    """Warn of options that were typed and do nothing: without an EDNN, or for other conditions than the energy."""
    of_energy = card.conditions is None
    if has_judge:
        why, idle = "for other conditions than the energy", [] if of_energy else ["calibration_sheets"]
    else:
        # Without an EDNN some conditions are told, and corrected by.
        why, idle = "without --ednn or --ednn-dir", ["calibration_sheets", "strict"]
        idle += ["feedback"] if of_energy else []
    words = [flag_of(name) for name in idle if flag_of(name) in given and getattr(options, name)]
    if words:
        warnings.warn(f"{why} nothing comes of {', '.join(words)}", InputWarning, stacklevel=2)


def next_command(card: "ExportedCard", out: Path) -> str:
    """Return the command that generates sheets of the model, of a size that it makes whole if it makes any so."""
    asked = f"--energy-per-area {card.label_scale.mean:.3g}"
    if card.conditions is not None:
        asked = f"--condition {' '.join(card.conditions.example)}"
    scale = 2 if 4 * card.rows * card.cols <= card.max_cells else 1
    size = f"--rows {scale * card.rows} --cols {scale * card.cols}"
    return f"python -m rugan_tf.generate --model {shlex.quote(str(out))} {asked} {size} --num-sheets 4 --out sheets.png"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    handler = functools.partial(export, given_flags(args))
    command = Command(ExportOptions, handler, "Export a SavedModel.", ("run_dir", "model"))
    return run_command("rugan export", command, args)


if __name__ == "__main__":
    sys.exit(main())
