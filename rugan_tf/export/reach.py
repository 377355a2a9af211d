"""How far a generator sees: what a sheet that is made in tiles needs of its surroundings."""

from rugan_tf.networks.generator import Generator

CONVOLUTIONS_BEFORE, CONVOLUTIONS_AFTER = 2, 5  # of 3x3, before and after upsampling
CONVOLUTIONS_OF_REFINEMENT = 2  # in each block
MEANS_BEFORE, MEANS_AFTER = 1, 2  # over the window, likewise


def latent_reach(generator: Generator) -> tuple[int, int]:
    """Return how many latent cells along rows and columns a state may depend on, to each side.

    >>> latent_reach(Generator(width=8))
    (5, 5)
    >>> latent_reach(Generator(width=8, period=(1, 2)))
    (5, 7)
    """
    rows, cols = (reach_along(generator, axis) for axis in (0, 1))
    return rows, cols


def reach_along(generator: Generator, axis: int) -> int:
    """Return the reach along one axis.

    A pixel is a latent cell before upsampling, and `period` cells, of which a latent cell has two, after it.
    """
    period = generator.period[axis]
    before, after = CONVOLUTIONS_BEFORE, CONVOLUTIONS_AFTER  # pixels
    after += CONVOLUTIONS_OF_REFINEMENT * len(generator.refinements)
    if generator.window is not None:
        before += MEANS_BEFORE * (generator.window[axis] // 2 // 2)  # half of the window, which has pixels of two cells
        after += MEANS_AFTER * (generator.window[axis] // period // 2)
    return before - (-after * period // 2)
