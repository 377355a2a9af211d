"""The size of sheets in lattice cells, where it was told in lengths."""

from rugan_tf.systems.lengths import nearest_size, size_in_words
from rugan_tf.systems.system import LatticeSystem


def nearest_cells(system: LatticeSystem, size: tuple[str, ...]) -> tuple[int, int]:
    """Return the rows and columns, even, that are nearest to lengths along x and y, and say them."""
    rows, cols = nearest_size(system, size, multiple=2)
    print(f"nearest to {' x '.join(size)}: {rows}x{cols} cells, {size_in_words(system, rows, cols)}")
    return rows, cols
