"""What one format of structures holds comes back from it, however the sheet is turned, strained or wrapped."""

import ase.io
import numpy as np
import pytest
from disturbed import WAYS, disturbed, is_symmetric_image

from rugan_tf.formats.structures import SUFFIXES, read_structures, write_structures
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import match_structure

GRAPHENE = system_named("porous_graphene")
STATES = np.random.default_rng(7).integers(0, 4, (4, 6), np.uint8)
FORMATS = (*SUFFIXES, ".traj", "XDATCAR", "POSCAR")


def write(path, structure):
    if path.suffix == ".traj" or path.name == "XDATCAR":
        ase.io.write(path, [structure, structure])
    else:
        write_structures(path, GRAPHENE, [structure])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", ["as generated", *WAYS])
def test_sheet_comes_back_up_to_a_symmetry(tmp_path, form, way):
    structure = GRAPHENE.structure(STATES)
    path = tmp_path / (f"sheet{form}" if form.startswith(".") else form)
    write(path, structure if way == "as generated" else disturbed(structure, way))
    frames = list(read_structures((str(path),)))
    assert [frame.failure for frame in frames] == [""] * len(frames)
    for frame in frames:
        found = match_structure(GRAPHENE.atoms, frame.structure)
        assert is_symmetric_image(GRAPHENE, STATES, found.states)
