"""What is said and drawn of large sheets, and what they need."""

import json

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle

from rugan_tf.figures.streamed_sheet import streamed_sheet_figure
from rugan_tf.formats.zarr_store import Chunk, create_store
from rugan_tf.generate.large import chunk_energies_per_area, draw_picture, judge_of, summary
from rugan_tf.generate.needs import available_memory, disk_need, require_memory
from rugan_tf.generate.streaming import totals
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


@pytest.fixture
def store(tmp_path):
    """A sheet of 2x1 chunks, without any order."""
    shape = (1, 700, 300)
    store = create_store(tmp_path / "a.zarr", GRAPHENE, shape, {"request": {"energy": "made up"}}, has_energy=True)
    for row in (0, 1):
        chunk = Chunk(0, row, 0)
        states = np.random.default_rng(row).integers(0, 4, store.states[store.place(chunk)].shape, np.uint8)
        store.write(chunk, states, -1000.0 * (row + 1))
    return store


def test_totals_are_sums_and_means_over_cells(store):
    found = totals(store)
    states = store.states[0]
    assert found["energy"] == [-3000.0]
    assert found["energy_per_area_obtained"] == [-3000.0 / GRAPHENE.area(700, 300)]
    np.testing.assert_allclose(found["filling_obtained"], (states % 2 + states // 2).mean() / 2)
    areas = [GRAPHENE.area(512, 300), GRAPHENE.area(188, 300)]
    np.testing.assert_allclose(chunk_energies_per_area(store)[0, :, 0], [-1000 / areas[0], -2000 / areas[1]])


def test_summary_says_size_and_energies(store):
    store.finish(**totals(store))
    lines = list(summary(store))
    assert lines[0].endswith("a.zarr: 1 sheet of 700x300 cells, 172.2 x 63.913 nm")
    assert lines[1] == f"energy per area obtained, as an EDNN sees it: {-3000 / GRAPHENE.area(700, 300):.4f} eV/Å²"
    assert lines[2] == "total energy: -3000 eV (made up)"


def test_sheets_without_any_order_take_no_more_disk_than_was_asked_for(store):
    store.finish(**totals(store))
    used = sum(file.stat().st_size for file in store.path.rglob("c/**/*") if file.is_file())
    assert 0.8 * disk_need(GRAPHENE, 700 * 300) < used < 1.02 * disk_need(GRAPHENE, 700 * 300)
    json.dumps(store.told)


def test_picture_marks_the_training_size_and_names_units(store):
    path = draw_picture(store, (14, 16))
    assert path == store.path / "picture.png"
    assert path.stat().st_size > 10_000
    values = np.random.default_rng(0).random((30, 20))
    figure = streamed_sheet_figure(
        values, lengths=(6.0, 4.0), training=(0.5, 0.25), quantity=GRAPHENE.quantity, length_unit="µm",
        chunk=(2.5, 2.5), energies=np.arange(6.0).reshape(3, 2),
    )  # fmt: skip
    left, right = figure.axes[0], figure.axes[2]
    assert (left.get_xlabel(), right.get_ylabel()) == ("x (µm)", "y (µm)")
    mark = next(item for item in left.patches if isinstance(item, Rectangle))
    assert (mark.get_width(), mark.get_height()) == (0.5, 0.25)
    assert [text.get_text() for text in left.texts] == ["training size"]
    mesh = next(item for item in right.collections if isinstance(item, QuadMesh))
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], [0, 2.5, 5.0, 6.0])  # the last is cut
    np.testing.assert_array_equal(mesh.get_array(), np.arange(6.0).reshape(3, 2).T)
    assert figure.axes[3].get_ylabel() == "energy per area (eV/Å²)"
    few = streamed_sheet_figure(
        values, lengths=(6.0, 4.0), training=None, quantity=GRAPHENE.quantity, length_unit="µm", chunk=(6.0, 4.0)
    )
    assert len(few.axes) == 2
    assert not few.axes[0].texts


def test_memory_is_asked_for_only_where_there_is_too_little():
    free = available_memory()
    assert free is not None
    require_memory(".npz", GRAPHENE, free // 8)
    with pytest.raises(ValueError, match=r"written as \.png must fit into memory, .* GB for .* cells; --out NAME.zarr"):
        require_memory(".png", GRAPHENE, free // 1000)
    told = r"374\.0 PB for 9\.35e\+16 cells; --out NAME\.zarr .* at most 38\.2 PB, in some 21,\d\d\d years on one core"
    with pytest.raises(ValueError, match=told):
        require_memory(".npz", GRAPHENE, 284552846 * 328573324)
    with pytest.raises(ValueError, match=r" GB for [\d.e+]+ cells\. Received: "):  # sheets that nothing streams
        require_memory(".png", GRAPHENE, free // 1000, how=None)


def test_materials_without_a_shipped_ednn_have_no_judge_of_tiles():
    assert judge_of(type("Other", (type(GRAPHENE),), {"name": "other"})()) is None
    assert judge_of(GRAPHENE).halo == (4, 8)
