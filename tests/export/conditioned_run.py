"""The model files of a run whose untrained generator is asked for two conditions, and one that nothing tells."""

import dataclasses
from pathlib import Path

import numpy as np
from untrained_run import build_generator, write_run

from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.model_card import read_run_card, write_run_card
from rugan_tf.systems.conditions import CellSum, Condition, vacant_share
from rugan_tf.systems.named import system_named

SPECIES = system_named("porous_graphene").species
POROSITY = Condition("porosity", "porosity", "", vacant_share(SPECIES))
COST = Condition("cost", "cost per area", "meV", CellSum(2.0, (0.1, 0.0, 0.0, -0.3)))
BAND_GAP = Condition("band_gap", "band gap", "eV")


def learnt_conditions(*conditions):
    """Conditions of made-up data: what nothing tells goes with the porosity, the others are independent."""
    rng = np.random.default_rng(0)
    drawn = {"porosity": rng.uniform(0.4, 1.0, 200), "cost": rng.normal(-0.5, 0.3, 200)}
    drawn["energy_per_area"] = drawn["porosity"] - 1.0
    drawn["band_gap"] = 2 * drawn["porosity"] + 0.01 * rng.normal(size=200)
    return LearntConditions.of(conditions, np.stack([drawn[one.name] for one in conditions], axis=1))


def build_conditioned_generator(num_conditions):
    """A generator whose sheets, before repair and after, are of all porosities."""
    generator = build_generator(num_conditions=num_conditions)
    generator.convolution.bias.assign([0.0, 0.0, 0.0, 1.0])
    return generator


def write_conditioned_run(run_dir: Path, *conditions) -> Path:
    """Write what a training on these conditions leaves for the export."""
    write_run(run_dir)
    build_conditioned_generator(len(conditions)).save(run_dir / "model" / "generator.keras")
    card = dataclasses.replace(read_run_card(run_dir), conditions=learnt_conditions(*conditions))
    write_run_card(run_dir, card)
    return run_dir
