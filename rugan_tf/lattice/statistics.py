"""Statistics of occupied sites on any lattice."""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.pieces import MOST_SITES, Sites


def neighbour_counts(lattice: Lattice, chosen: Sites) -> NDArray[np.uint8]:
    """Return uint8 (n, rows, cols, sites): chosen neighbours of every site, whether itself chosen or not."""
    around = lattice.around([chosen[..., site].astype(np.int8) for site in range(lattice.num_sites)])
    return np.stack([sum(others[1:], others[0]) for others in around], axis=-1).astype(np.uint8)


def two_point_correlation(
    lattice: Lattice, chosen: Sites, furthest: float, bin_width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances (bins,) and the share (bins,) of pairs of sites at that distance that are both chosen.

    The mean over all sheets. By Fourier transform over the periods of the lattice.

    Args:
        lattice: the sites.
        chosen: bool (n, rows, cols, sites).
        furthest: largest distance; at most half the shorter side of the sheet, beyond which pairs repeat.
        bin_width: of distances. A bin without pairs of sites is left out.
    """
    num_sheets, rows, cols, _ = chosen.shape
    lengths, positions = lattice.cell_lengths(rows, cols), lattice.positions(rows, cols)
    furthest = min(furthest, lengths.min() / 2)
    blocks, members = cols // lattice.col_period, lattice.col_period * lattice.num_sites
    marked = chosen.reshape(num_sheets, rows, blocks, members)
    spectrum = np.zeros((members, members, rows, blocks // 2 + 1), dtype=np.complex128)
    size = max(1, MOST_SITES // marked[0].size)
    for start in range(0, num_sheets, size):
        transformed = np.fft.rfft2(marked[start : start + size].astype(np.float64), axes=(1, 2))
        spectrum += np.einsum("nrca,nrcb->abrc", transformed.conj(), transformed)
    pairs = np.fft.irfft2(spectrum, s=(rows, blocks), axes=(2, 3)) / num_sheets / (rows * blocks)
    basis = positions[0, : lattice.col_period].reshape(members, 2)
    moved = positions.reshape(rows, blocks, members, 2)
    offset = moved.transpose(2, 0, 1, 3)[None] - basis[:, None, None, None]
    offset -= lengths * np.rint(offset / lengths)
    distance = np.sqrt(np.square(offset).sum(axis=-1))  # (members, members, rows, blocks), as `pairs`
    edges = np.arange(bin_width / 2, furthest, bin_width)
    if len(edges) < 2:
        return np.empty(0), np.empty(0)
    which = np.digitize(distance.ravel(), edges)
    number = np.bincount(which, minlength=len(edges) + 1)[1 : len(edges)]
    total = np.bincount(which, pairs.ravel(), minlength=len(edges) + 1)[1 : len(edges)]
    middle = np.bincount(which, distance.ravel(), minlength=len(edges) + 1)[1 : len(edges)]
    held = number > 0
    return middle[held] / number[held], total[held] / number[held]
