"""RUGAN in Keras 3 and TensorFlow: mesoscale configurations from small ones, at a requested energy per area.

What a program needs first is here, and is imported when it is first used, so that `import rugan_tf` costs nothing:

    model = rugan_tf.load_model()                      # the generator that comes with the package
    states = model.generate([-2.6], 28, 32, seed=0)    # uint8 (1, 28, 32)
    rugan_tf.write_sheets("sheet.cif", model.system, states, [-2.6])
"""

import importlib
from typing import TYPE_CHECKING, Any

from rugan_tf.quiet import start_quietly

if TYPE_CHECKING:
    from rugan_tf.data.importing import import_structures as import_structures
    from rugan_tf.energies.calculator import Calculator as Calculator
    from rugan_tf.energies.named import energy_named as energy_named
    from rugan_tf.errors import InputError as InputError
    from rugan_tf.formats.data_set import DataSet as DataSet
    from rugan_tf.formats.data_set import read_data_set as read_data_set
    from rugan_tf.formats.data_set import write_data_set as write_data_set
    from rugan_tf.generate.conditioned import ConditionedModel as ConditionedModel
    from rugan_tf.generate.conditioned import load_conditioned as load_conditioned
    from rugan_tf.generate.sheets import SheetModel as SheetModel
    from rugan_tf.generate.sheets import load_model as load_model
    from rugan_tf.generate.writers import write_sheets as write_sheets
    from rugan_tf.systems.named import system_named as system_named
    from rugan_tf.systems.structure_match import MatchLimits as MatchLimits
    from rugan_tf.systems.structure_match import match_structure as match_structure
    from rugan_tf.systems.system import LatticeSystem as LatticeSystem

__version__ = "1.1.0"

PUBLIC = {
    "Calculator": "rugan_tf.energies.calculator",
    "ConditionedModel": "rugan_tf.generate.conditioned",
    "DataSet": "rugan_tf.formats.data_set",
    "InputError": "rugan_tf.errors",
    "LatticeSystem": "rugan_tf.systems.system",
    "SheetModel": "rugan_tf.generate.sheets",
    "energy_named": "rugan_tf.energies.named",
    "import_structures": "rugan_tf.data.importing",
    "load_conditioned": "rugan_tf.generate.conditioned",
    "load_model": "rugan_tf.generate.sheets",
    "MatchLimits": "rugan_tf.systems.structure_match",
    "match_structure": "rugan_tf.systems.structure_match",
    "read_data_set": "rugan_tf.formats.data_set",
    "system_named": "rugan_tf.systems.named",
    "write_data_set": "rugan_tf.formats.data_set",
    "write_sheets": "rugan_tf.generate.writers",
}


start_quietly()


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    """Return what there is, public names that were not used yet included."""
    return sorted({*globals(), *PUBLIC})
