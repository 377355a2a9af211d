import dataclasses

import numpy as np
import pytest

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.evaluate import structure
from rugan_tf.evaluate.pools import real_pools
from rugan_tf.evaluate.scale_metrics import copies_content
from rugan_tf.evaluate.structure_figure import structure_figure
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.porous_graphene.holes import PoreOptions
from rugan_tf.systems.system import Statistic


class AtomCount:
    def energies(self, states, work=None):
        return -((states & 1).sum(axis=(1, 2)) + (states >> 1).sum(axis=(1, 2))).astype(float)


@pytest.fixture(scope="module")
def drawn():
    """Real sheets with their energies, and metadata that tell how they were drawn."""
    from rugan_tf.systems.named import system_named

    graphene = system_named("porous_graphene")
    states = draw_sheets(graphene, 300, 8, 8, 0, PoreOptions())
    energy = AtomCount().energies(states)
    metadata = {"system": "porous_graphene", "options": {"pores": dataclasses.asdict(PoreOptions())}}
    return DataSet(states, graphene.energy_per_area(energy, 8, 8), metadata)


@pytest.mark.parametrize("size", [(8, 8), (12, 12)])
def test_real_sheets_have_the_energies_asked_for_and_are_independent(drawn, graphene, size):
    wanted = np.random.default_rng(1).choice(drawn.energy_per_area, 18)
    real = structure.real_sheets(drawn, real_pools(drawn, 18, *size, AtomCount(), processes=1), wanted)
    for states in (real.first, real.second):
        assert states.shape == (18, *size)
        assert len(np.unique(states, axis=0)) == 18
        energy = graphene.energy_per_area(AtomCount().energies(states), *size)
        assert np.corrcoef(energy, wanted)[0, 1] > 0.95
    assert real.small.shape == (18, 8, 8)
    small = graphene.energy_per_area(AtomCount().energies(real.small), 8, 8)
    assert np.corrcoef(small, wanted)[0, 1] > 0.95  # sheets of the data with these energies, not any of them
    both = np.concatenate([real.first, real.second])
    assert len(np.unique(both, axis=0)) == 36


def test_comparison_tells_other_sheets_from_real_ones(drawn, graphene, tmp_path):
    wanted = drawn.energy_per_area[:40]
    real = structure.real_sheets(drawn, real_pools(drawn, 18, 8, 8, AtomCount()), wanted)
    scattered = graphene.repair(np.random.default_rng(0).choice(4, (40, 8, 8), p=[0.1, 0.1, 0.1, 0.7]).astype(np.uint8))
    same, other = (structure.compare(graphene, states, real) for states in (real.second, scattered))
    assert all(one.distance == pytest.approx(one.yardstick) for one in same.values())
    assert all(one.distance > 3 * one.yardstick for one in other.values())
    assert all(one.small == 0 for one in other.values())  # at the training size small sheets are the first set
    content = structure.as_content(other)
    for name, one in other.items():
        told = {key: content[name][key] for key in ("kind", "distance", "yardstick", "small_sheets")}
        assert tuple(told.values()) == (one.generated.kind, one.distance, one.yardstick, one.small)
    assert set(content["coordination"]["generated"]) == {"0", "1", "2", "3"}
    assert content["pore_size"]["real_mean"] > content["pore_size"]["generated_mean"]
    figure = structure_figure("1x1", other)
    assert sum(axes.get_visible() for axes in figure.axes) == len(other)
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["neighbours of an atom", "edge"]
    figure.savefig(tmp_path / "structure.png")
    assert (tmp_path / "structure.png").stat().st_size > 10_000


def statistic(kind, values):
    return Statistic(kind, np.array(values), "value")


def test_distances_by_hand():
    assert structure.distance(statistic("shares", [0.5, 0.5]), statistic("shares", [1.0, 0.0])) == 0.5
    assert structure.distance(statistic("curve", [1.0, 2.0]), statistic("curve", [1.0, 4.0, 9.0])) == pytest.approx(
        2**0.5
    )
    assert structure.distance(statistic("samples", [1.0, 2.0]), statistic("samples", [2.0, 3.0])) == 0.5
    thirds = statistic("shares", [0.5, 0.3, 0.2]), statistic("shares", [0.2, 0.3, 0.5])
    assert structure.distance(*thirds) == pytest.approx(0.3)  # total variation, no root mean square
    assert np.isnan(structure.distance(statistic("samples", []), statistic("samples", [1.0])))


def test_mean_of_no_samples_is_undefined():
    one = structure.Comparison(statistic("samples", []), statistic("samples", [1.0, 3.0]), np.nan, 0.1, 0.2)
    content = structure.as_content({"lengths": one})["lengths"]
    assert (content["generated_mean"], content["real_mean"]) == (None, 2.0)


def test_real_sheets_of_another_size_are_not_those_that_the_seed_of_the_data_gives(drawn, graphene):
    pools = real_pools(drawn, 18, 12, 12, AtomCount(), processes=1)
    real = structure.real_sheets(drawn, pools, drawn.energy_per_area[:18])
    of_data = {sheet.tobytes() for sheet in draw_sheets(graphene, 400, 12, 12, 0, PoreOptions())}
    for states in (real.first, real.second):
        assert sum(sheet.tobytes() in of_data for sheet in states) < 3  # nearly perfect sheets are few


def test_new_real_sheets_that_are_compared_with_the_data_are_not_its_own(drawn):
    told = copies_content(drawn, drawn.states[:200], np.arange(200) < 50)
    assert told["num_sheets"] == 50
    assert told["of_new_real_sheets"] < 40  # of 200; all of them if they were drawn with the seed of the data
