"""An exported model, exported once more: for models of which no run folder is left.

Corrections, rules and signatures lie inside of a SavedModel, so it keeps those of the version of the package that wrote
it. Networks, calibration, statistics of maps and EDNN are taken over as they are.
"""

from pathlib import Path
from typing import Any

from rugan_tf.errors import InputError
from rugan_tf.export.condition_endpoints import ConditionEndpoints
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.export.saved_model import write_version
from rugan_tf.extras import require_extra
from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.exported_weights import weights_of_network
from rugan_tf.saved.model_card import ExportedCard, read_exported_card
from rugan_tf.saved.shipped import find_model
from rugan_tf.saved.signatures import Signatures
from rugan_tf.systems.named import system_named


class EndpointsAgain(Endpoints):
    """Endpoints whose EDNN is the one inside of an exported model, which takes states where an EDNN takes encodings."""

    def compute_local_energy(self, states: Any) -> dict[str, Any]:
        """Return the energy per area of every latent cell, float32 (batch, rows/2, cols/2)."""
        return dict(self.ednn.signatures["local_energy"](states=states))


def export_again(model: Path, out: Path) -> Path:
    """Write an exported model as the next version below `out`, and return the version folder.

    Args:
        model: base folder, of which the newest version is taken, version folder, or name of a shipped model.
        out: base folder.

    Raises:
        FileNotFoundError: there is no model.
        InputError: it is damaged, its networks are a user's own, or what writes warm-up requests is not installed.
    """
    require_extra("serve")  # for the warm-up requests: said before anything is loaded
    folder = find_model(model)
    card = read_exported_card(folder)
    generator = generator_again(card, folder)
    signatures = Signatures(folder)
    # The model answers `energy` as its EDNN would; the EDNN itself is not in the file by a name of its own.
    judge = signatures.loaded() if "energy" in signatures else None
    system = system_named(card.system)
    endpoints: Endpoints
    if card.conditions is not None:
        endpoints = ConditionEndpoints(generator, system, card.conditions, card.max_cells, judge, card.feedback)
    else:
        maps = None if card.map_statistics is None else NaturalMaps(card.map_statistics)
        told = card.calibration, maps, card.feedback, card.energy_range
        endpoints = EndpointsAgain(generator, system, card.label_scale, card.max_cells, judge, *told)
    return write_version(endpoints, card, out, card.max_cells, card.ednn_metadata)


def generator_again(card: ExportedCard, folder: Path) -> Generator:
    """Return the generator of an exported model, built as its card says and with its weights.

    Raises:
        InputError: the card does not say how, or the weights are those of another network.
    """
    told = card.training
    if told.get("generator") is not None or "width" not in told:
        raise InputError(
            "A model is exported again if its card says how its generator was built; of a generator of your own, "
            f"export the run folder. Received: {folder}"
        )
    generator = build_generator(card)
    rule = "The weights of a model must be those of the network that its card tells"
    generator.set_weights(weights_of_network(folder, generator.weights, rule))
    return generator


def build_generator(card: ExportedCard) -> Generator:
    """Return the generator that a card tells, with new weights."""
    told, system = card.training, system_named(card.system)
    generator = Generator(
        int(told["width"]),
        system.num_states,
        latent_channels=card.latent_channels,
        # Cards of before there was an option do not say it: then it was as in the paper.
        period=(system.row_period, system.col_period) if told.get("fold_generator") else (1, 1),
        window=(card.rows, card.cols) if told.get("window_means") else None,
        refinements=int(told.get("refinements", 0)),
        num_conditions=1 if card.conditions is None else len(card.conditions.each),
        # As the file of a run is read: inputs are rounded, and layers compute in float32.
        dtype="mixed_bfloat16" if told.get("mixed_bfloat16") else "float32",
    )
    generator.build()
    return generator
