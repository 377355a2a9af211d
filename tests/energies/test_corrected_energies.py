"""Energies with a correction that a file holds: what they add and tell, and which files are refused."""

import json

import numpy as np
import pytest

from rugan_tf.energies.corrected import CorrectedEnergy
from rugan_tf.energies.function import Estimates, SheetsFailedError, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
NUMBERS = {"atom": 0.5, "zigzag edge atom": -0.25, "armchair edge atom": 0.125}


@pytest.fixture
def correction(tmp_path):
    """The content of a file that corrects tight binding, and where to write it."""
    reference = {"method": "better", "zero": "atoms", "description": "better: in eV relative to atoms"}
    content = {"system": "porous_graphene", "base": "tight-binding", "environments": NUMBERS, "fitted": "fitted to 3"}
    return {**content, "reference": reference}, tmp_path / "correction.json"


def test_a_correction_adds_its_numbers_and_tells_them(correction):
    content, path = correction
    path.write_text(json.dumps(content), "utf-8")
    states = np.full((2, 4, 4), 3, np.uint8)
    states[1, 1, 1] = 2  # a vacancy, whose three neighbours are on an edge
    energy, base = energy_named(GRAPHENE, f"corrected:{path}"), energy_named(GRAPHENE, "tight-binding")
    work = Work(processes=1)
    counts = GRAPHENE.environments(states)
    edges = sum(NUMBERS[name] * counts[name] for name in NUMBERS if name != "atom")
    added = energy.energies(states, work) - base.energies(states, work)
    np.testing.assert_allclose(added, 0.5 * np.array([32, 31]) + edges, atol=1e-9)
    assert edges[0] == 0 != edges[1]
    words = "tight-binding corrected to better"
    told = "+0.5000 eV for each atom, -0.2500 eV for each zigzag edge atom, +0.1250 eV for each armchair edge atom"
    description = f"{words}: {told}, fitted to 3, in eV relative to atoms"
    assert energy.origin == EnergyOrigin(words, "atoms", description)
    assert (energy.base, energy.system, energy.fitted) == (base, GRAPHENE, "fitted to 3")
    assert energy.reference == EnergyOrigin(**content["reference"])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"system": "ising"}, "A correction must be of porous_graphene. Received: ising in PATH"),
        ({"base": "corrected:mine"}, "A correction must name its base, no correction itself, and its reference."),
        ({"base": 3}, "A correction must name its base, no correction itself, and its reference."),
        ({"reference": ["better"]}, "A correction must name its base, no correction itself, and its reference."),
        ({"reference": {"method": "m"}}, "A correction must name its base, no correction itself, and its reference."),
        ({"environments": {"atom": "1"}}, "A correction must hold KEYS, with numbers."),
        ({"environments": {"atom": 1.0, "edge": np.nan}}, "A correction must hold KEYS, with numbers."),
        ({"environments": {"atom": 1.0, "edge": np.inf}}, "A correction must hold KEYS, with numbers."),
        ({"environments": [1.0]}, "A correction must hold KEYS, with numbers."),
        ({"fitted": None}, "A correction must hold KEYS, with numbers."),
        ({"environments": None}, "A correction must hold KEYS, with numbers."),
    ],
)
def test_a_correction_that_is_none_is_told_by_what_it_lacks(correction, changes, rule):
    content, path = {**correction[0], **changes}, correction[1]
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(content), "utf-8")
    words = rule.replace("KEYS", "system, base, environments, reference, fitted").replace("PATH", str(path))
    with pytest.raises(InputError) as raised:
        energy_named(GRAPHENE, f"corrected:{path}")
    assert str(raised.value) == (words if str(path) in words else f"{words} Received: {path}")


def test_a_correction_that_cannot_be_read_is_told(correction):
    path = correction[1]
    with pytest.raises(InputError) as raised:
        energy_named(GRAPHENE, f"corrected:{path}")
    rule = "A correction must be a file that `rugan ednn correction` wrote. Received: no file"
    assert str(raised.value) == f"{rule} {path}"
    path.write_text("[1]", "utf-8")
    with pytest.raises(InputError, match=r"^A correction must hold system, base, environments, reference, fitted"):
        energy_named(GRAPHENE, f"corrected:{path}")
    for content in (b"{", b"\xff{}"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"^A correction must be a JSON file\. Received: {path} \("):
            energy_named(GRAPHENE, f"corrected:{path}")


class Base:
    """Energies 1, 2, ... eV with errors, which may fail for the second sheet; the work it is asked for is noted."""

    origin = EnergyOrigin("base", "nothing", "base: in eV relative to nothing")
    is_fast, by_halo = False, "its halo"

    def __init__(self, *, fails=False):
        self.fails, self.asked = fails, []

    def estimates(self, states, work):
        self.asked.append(work)
        energies = np.arange(1.0, len(states) + 1)
        if self.fails:
            energies[1] = np.nan
            raise SheetsFailedError(energies, {1: "it fell over"}, work, "Given up.")
        return Estimates(energies, energies / 8)


def corrected(base, numbers):
    return CorrectedEnergy(base, GRAPHENE, numbers, EnergyOrigin("better", "atoms", "better"), "fitted to 3")


def test_errors_and_failures_are_those_of_the_base(tmp_path):
    states, work = np.full((3, 4, 4), 3, np.uint8), Work("mine", journal=tmp_path / "kept")
    base = Base()
    found = corrected(base, NUMBERS).estimates(states, work)
    assert (corrected(base, NUMBERS).is_fast, corrected(base, NUMBERS).by_halo) == (False, None)
    assert (found.energies.tolist(), found.standard_errors.tolist()) == ([17, 18, 19], [0.125, 0.25, 0.375])
    assert corrected(base, NUMBERS).energies(states, work).tolist() == [17, 18, 19]
    assert [given is work for given in base.asked] == [True, True]
    with pytest.raises(SheetsFailedError) as raised:
        corrected(Base(fails=True), NUMBERS).energies(states, work)
    np.testing.assert_array_equal(raised.value.energies, [17, np.nan, 19])
    assert raised.value.failures == {1: "it fell over"}
    assert raised.value.given_up == "Given up."
    assert f"2 energies are kept in {tmp_path / 'kept'}" in str(raised.value)


def test_numbers_of_other_places_are_told():
    with pytest.raises(InputError) as raised:
        corrected(Base(), {"atom": 1.0, "corner": 2.0}).energies(np.full((1, 4, 4), 3, np.uint8))
    kinds = "atom, zigzag edge atom, armchair edge atom"
    assert str(raised.value) == f"A correction must be of {kinds} in porous_graphene. Received: atom, corner"
