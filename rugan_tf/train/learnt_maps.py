"""The maps of a training, from its options: what the data's sheets are labelled with, and what the generator learns."""

import dataclasses
from typing import Any

from rugan_tf.data.local_labels import local_labels
from rugan_tf.data.map_batches import LabelMaps, filtered
from rugan_tf.data.map_filter import MapFilter
from rugan_tf.data.map_fit import fit_map_statistics
from rugan_tf.energies.ednn import EdnnEnergy, ednn_in, has_shipped_ednn, shipped_ednn
from rugan_tf.energies.origin import origin_in, require_agreement
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import MapStatistics
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import MapLoss


@dataclasses.dataclass(frozen=True)
class LearntMaps:
    """What a training on maps needs.

    Attributes:
        labels: the maps of the data.
        loss: how the generator learns to obey them.
        statistics: what natural maps are drawn by.
    """

    labels: LabelMaps
    loss: MapLoss
    statistics: MapStatistics

    @classmethod
    def of(cls, options: TrainOptions, data_set: DataSet, scale: LabelScale) -> "LearntMaps | None":
        """Return the maps that the options ask for; None for a training on one label for a sheet.

        Raises:
            InputError: there is no EDNN of the material, or it tells no local energies.
        """
        if not options.has_maps:
            return None
        system, (rows, cols) = data_set.system, data_set.states.shape[1:]
        ednn = map_ednn(options, data_set)
        passed = MapFilter.of(system, rows, cols, options.maps.map_cutoff)
        local = local_labels(data_set.states, system, ednn, scale)
        labels = LabelMaps(local, passed, options.maps.map_noise, options.maps.uniform_share)
        tile = system.extent(system.row_period, system.col_period)
        local_energy = ednn.signatures.loaded().signatures["local_energy"]

        def obtained(encoding: Any) -> Any:
            per_area = local_energy(encoding=encoding)["energy"] / tile
            # By the filter of the maps of the data: both have lost the same waves.
            return filtered(passed, (per_area - scale.mean) / scale.standard_deviation)

        statistics = fit_map_statistics(local, system, scale, passed, options.maps.map_noise)
        return cls(labels, MapLoss(options.maps.map_weight, obtained, passed.smoothing), statistics)


def map_ednn(options: TrainOptions, data_set: DataSet) -> EdnnEnergy:
    """Return the EDNN that tells a training where energies are.

    Raises:
        InputError: there is none.
    """
    given = options.maps.map_ednn
    if given is None and not has_shipped_ednn(data_set.system):
        raise InputError(
            "A training on maps needs an EDNN of the material, --map-ednn FOLDER (`rugan ednn train` makes one); or "
            f"train on one label for a sheet, --map-weight 0. Received: none for {data_set.system.short_spec}"
        )
    ednn = ednn_in(given or shipped_ednn(data_set.system), data_set.system)
    origins = {"the data": origin_in(data_set.metadata), "the EDNN of the maps": ednn.origin}
    require_agreement(origins, strict=options.strict)
    return ednn
