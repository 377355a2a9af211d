import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.patches import Rectangle

from rugan_tf.evaluate import figures
from rugan_tf.evaluate.figures import comparison_figure, errors_figure, large_sheet_figure
from rugan_tf.evaluate.mesoscale.figure import draw_windows
from rugan_tf.evaluate.metrics import errors_by_energy
from rugan_tf.evaluate.samples import ScaleSamples
from rugan_tf.figures.style import new_figure
from rugan_tf.systems.named import system_named

QUANTITY = system_named("porous_graphene").quantity
VALUES = {"ks_statistic": 0.0153, "r2": None, "mae": 0.01, "bias": -0.0025}


def samples(count, scale=1):
    rng = np.random.default_rng(0)
    requested = rng.uniform(-2.0, -1.0, count)
    states = rng.integers(0, 4, (count, 4 * scale, 4 * scale), np.uint8)
    return ScaleSamples(scale, states, requested, requested + rng.normal(0, 0.02, count), unrepaired=states)


@pytest.mark.parametrize(("count", "kind"), [(20, PathCollection), (600, QuadMesh)])
def test_few_samples_are_points_and_many_a_heat_map(count, kind):
    left = comparison_figure(samples(count), VALUES, QUANTITY).axes[0]
    assert sum(isinstance(item, kind) for item in left.collections) == 1
    assert sum(isinstance(item, PathCollection | QuadMesh) for item in left.collections) == 1


def test_comparison_says_units_metrics_and_the_line(tmp_path):
    figure = comparison_figure(samples(20, scale=2), VALUES, QUANTITY)
    left, right = figure.axes
    assert left.get_xlabel() == "requested energy per area (eV/Å²)"
    assert left.get_ylabel() == "obtained energy per area (eV/Å²)"
    assert right.get_xlabel() == "energy per area (eV/Å²)"
    assert right.texts[0].get_text().splitlines() == [
        "KS D = 0.0153", "$R^2$ = undefined", "MAE = 0.0100 eV/Å²", "bias = -0.0025 eV/Å²",
    ]  # fmt: skip
    x, y = left.lines[0].get_data()
    np.testing.assert_array_equal(x, y)
    assert figure.get_suptitle() == "2x2: 20 generated sheets of 8×8 cells"
    judged = comparison_figure(samples(20, scale=2), VALUES, QUANTITY, "an EDNN of dft").get_suptitle()
    assert judged == f"{figure.get_suptitle()}\njudged by an EDNN of dft"
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_both_histograms_count_every_sheet():
    right = comparison_figure(samples(20), VALUES, QUANTITY).axes[1]
    bars = sum(patch.get_height() for patch in right.patches if isinstance(patch, Rectangle))
    assert bars == 20
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["requested", "obtained"]


def test_equal_energies_can_be_drawn(tmp_path):
    states = samples(4).states
    equal = ScaleSamples(1, states, np.full(4, -1.5), np.full(4, -1.5), unrepaired=states)
    comparison_figure(equal, VALUES, QUANTITY).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_large_sheet_is_at_the_scale_of_the_data_and_marks_its_size(data_set, tmp_path):
    figure = large_sheet_figure(samples(5, scale=2), data_set)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    left, right = figure.axes
    scales = [axes.get_window_extent().width / axes.get_xlim()[1] for axes in (left, right)]
    assert scales[0] == pytest.approx(scales[1])
    mark = left.patches[0]
    np.testing.assert_allclose([mark.get_width(), mark.get_height()], [4 * 2.46, 4 * 2.1304], atol=1e-3)
    assert left.texts[0].get_text() == "training size\n9.8 Å × 8.5 Å"
    assert left.get_xlabel() == "x (Å)"


def test_beside_the_large_sheet_stands_the_training_sheet_of_the_energy_obtained(data_set, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "draw_sheet", lambda axes, system, sheet: drawn.append(sheet))
    energies = np.linspace(-2.0, -1.0, len(data_set.states))
    kept = np.arange(len(energies), dtype=np.uint8)[:, None, None] % 4 * np.ones((1, 4, 4), np.uint8)
    known = dataclasses.replace(data_set, states=kept, energy_per_area=energies)
    states = samples(5, scale=2).states
    requested = np.array([-1.9, -1.1, -1.5, -1.8, -1.2])  # the third is the median
    obtained = np.full(5, energies[1] + 1e-3)
    obtained[2] = energies[3] - 1e-3
    figure = large_sheet_figure(ScaleSamples(2, states, requested, obtained, unrepaired=states), known)
    np.testing.assert_array_equal(drawn[0], states[2])
    np.testing.assert_array_equal(drawn[1], kept[3])
    left, right = (axes.get_title() for axes in figure.axes)
    assert left == f"generated: -1.500 requested,\n{obtained[2]:.3f} eV/Å² obtained"
    assert right == f"training sheet:\n{energies[3]:.3f} eV/Å²"


def test_label_of_a_small_mark_stands_beside_it(data_set):
    left = large_sheet_figure(samples(3, scale=6), data_set).axes[0]
    assert left.texts[0].get_position()[0] > left.patches[0].get_width()


def test_errors_are_drawn_by_energy_with_units():
    some = samples(100)
    values = {"errors_by_energy": errors_by_energy(some.requested, some.obtained)}
    figure = errors_figure(some, values, QUANTITY, "tight-binding")
    axes = figure.axes[0]
    assert axes.get_ylabel() == "obtained - requested (eV/Å²)"
    assert axes.get_xlabel() == "requested energy per area (eV/Å²)"
    assert len(axes.lines[1].get_xdata()) == 10
    assert "bins of 10 sheets\njudged by tight-binding" in figure.get_suptitle()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["16th to 84th percentile", "median error"]


def test_one_sheet_far_off_hides_no_error():
    some = samples(100)
    some.obtained[7] += 50
    figure = errors_figure(some, {"errors_by_energy": errors_by_energy(some.requested, some.obtained)}, QUANTITY)
    assert np.abs(figure.axes[0].get_ylim()).max() < 1


@pytest.mark.parametrize(("windows", "side"), [([(4, 4), (10, 12)], "right"), ([(4, 4), (21, 24)], "left")])
def test_mark_of_the_training_size_stays_inside_of_its_panel(windows, side):
    scope = SimpleNamespace(system=system_named("porous_graphene"), windows=windows, training=(14, 16))
    axes = new_figure(4, 3).subplots()
    draw_windows(axes, scope, {})
    assert axes.texts[0].get_ha() == side
