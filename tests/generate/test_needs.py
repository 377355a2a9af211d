"""What is refused before a request starts."""

import re

import pytest

from rugan_tf.errors import InputError
from rugan_tf.generate.needs import require_sign
from rugan_tf.systems.named import system_named


@pytest.mark.parametrize(
    ("energy_range", "wrong", "meant"),
    [((-3.0, -0.5), 2.0, -2.0), ((-3.0, 0.0), 1e-9, -1e-9), ((0.5, 3.0), -2.0, 2.0), ((-3.0, -0.5), 0.1, None)],
)
def test_another_sign_than_that_of_the_data_is_refused(energy_range, wrong, meant):
    system = system_named("porous_graphene")
    question = "" if meant is None else f"; was {meant:.4g} meant?"
    received = re.escape(f"Received: {wrong:.4g}{question}")
    with pytest.raises(InputError, match=rf"must have the sign of the energies in the training data.* {received}$"):
        require_sign(system, energy_range, [energy_range[1], 0.0, wrong])


def test_materials_without_atoms_and_data_of_both_signs_take_any_sign():
    require_sign(system_named("ising"), (-2.0, -0.5), [1.0])
    require_sign(system_named("porous_graphene"), (-2.0, 0.5), [1.0, -3.0])
