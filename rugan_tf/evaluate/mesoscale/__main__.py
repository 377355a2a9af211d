"""`python -m rugan_tf.evaluate.mesoscale`: how large generated sheets fluctuate, beside real ones of one energy."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rugan_tf.config import Command, run_command
from rugan_tf.evaluate.mesoscale.options import MesoscaleOptions

if TYPE_CHECKING:
    from rugan_tf.evaluate.mesoscale.comparison import MesoscaleComparison


def mesoscale(options: MesoscaleOptions) -> None:
    """Read, compare, write, show."""
    from rugan_tf import files
    from rugan_tf.energies.named import energy_named
    from rugan_tf.evaluate.folder import check_folder
    from rugan_tf.evaluate.mesoscale.comparison import Mesoscale, energies_of, source_of
    from rugan_tf.evaluate.mesoscale.folder import write_comparisons
    from rugan_tf.formats.data_set import read_data_set
    from rugan_tf.generate.sheets import SheetModel

    model, data_set = SheetModel.load(options.model), read_data_set(options.data)
    judge = energy_named(model.system, options.energy)
    check_folder(options.out, (options.model, options.data, options.real), overwrite=options.overwrite)
    source = source_of(data_set, judge, options.tolerance, cache=options.real)
    comparer = Mesoscale(model, source, energies_of(data_set, options.energies), options.seed)
    found = {scale: comparer.compare(scale, number) for scale, number in options.sheets_by_scale.items()}
    write_comparisons(files.require_fresh_folder(options.out, overwrite=options.overwrite), found, options)
    for scale, comparisons in found.items():
        show(scale, comparisons)
    print(f"{options.out}: mesoscale.json, its figures as PNG")


def show(scale: int, comparisons: "list[MesoscaleComparison]") -> None:
    """Print the lines of one size as a table, what chance gives in brackets."""
    from rugan_tf.evaluate.mesoscale.content import lines, table_of

    unit = comparisons[0].scope.system.quantity.unit
    headings = ["", *(f"{one.wanted:.3f} {unit}" for one in comparisons)]
    rows = table_of([lines(one) for one in comparisons])
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    print(f"{scale}x{scale}: generated (another set of real sheets)")
    for name, *values in (headings, *rows):
        aligned = (value.rjust(width) for value, width in zip(values, widths[1:], strict=True))
        print("  ".join((name.ljust(widths[0]), *aligned)))


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    description = "How large generated sheets fluctuate, beside real ones of the same energy."
    return run_command("rugan_tf.evaluate.mesoscale", Command(MesoscaleOptions, mesoscale, description), args)


if __name__ == "__main__":
    sys.exit(main())
