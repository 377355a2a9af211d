"""Energies that cannot be compared are told apart."""

import warnings
from pathlib import Path

import pytest

from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import as_metadata, disagreements, origin_in, origin_of, require_agreement
from rugan_tf.errors import InputWarning
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named

SYSTEM = system_named("porous_graphene")
TIGHT_BINDING = energy_named(SYSTEM, "tight-binding").origin
LENNARD_JONES = energy_named(SYSTEM, "ase:ase.calculators.lj:LennardJones").origin
SHIPPED = Path(__file__).parents[2] / "saved_models"


@pytest.mark.parametrize("origin", [TIGHT_BINDING, LENNARD_JONES])
def test_words_tell_what_the_fields_tell(origin):
    assert origin_of(origin.description) == origin
    assert origin_in({**as_metadata(origin)}) == origin


def test_ednn_has_the_origin_of_what_it_was_trained_on():
    ednn = energy_named(SYSTEM, "ednn").origin
    assert (ednn.method, ednn.zero) == (TIGHT_BINDING.method, TIGHT_BINDING.zero)
    assert ednn.description.startswith("ednn: trained on tight-binding: ")
    assert disagreements({"the data": TIGHT_BINDING, "the judge": ednn}) == []


def test_shipped_data_says_where_its_energies_come_from():
    metadata = read_data_set(SHIPPED / "porous_graphene_tight_binding.npz").metadata
    assert origin_in(metadata) == TIGHT_BINDING


def test_other_methods_and_zeros_are_named():
    other_zero = EnergyOrigin("tight-binding", "the pristine sheet", "")
    assert disagreements({"the data": TIGHT_BINDING, "the judge": LENNARD_JONES}) == [
        "the data has energies by tight-binding, the judge by ase:ase.calculators.lj:LennardJones:{}"
    ]
    assert disagreements({"the data": TIGHT_BINDING, "the model": TIGHT_BINDING, "the judge": other_zero}) == [
        "the model has energies relative to 2 E_s + 2 E_p per atom, the judge relative to the pristine sheet"
    ]


@pytest.mark.parametrize("metadata", [{}, {"energy": "from my notebook"}, {"energy": 5}])
def test_unknown_zero_is_said(metadata):
    (sentence,) = disagreements({"the data": origin_in(metadata)})
    assert sentence.startswith("the data does not say what its energies are relative to (")


def test_strict_refuses_what_is_else_warned_of():
    origins = {"the data": TIGHT_BINDING, "the judge": LENNARD_JONES}
    with pytest.warns(InputWarning, match="may not be comparable: the data has energies by tight-binding"):
        require_agreement(origins, strict=False)
    with pytest.raises(ValueError, match=r"of one method and one zero. Received: the data has energies by"):
        require_agreement(origins, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require_agreement({"the data": TIGHT_BINDING, "the judge": TIGHT_BINDING}, strict=True)
