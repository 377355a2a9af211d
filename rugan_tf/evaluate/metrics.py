"""What evaluation measures, as pure functions. Energies per area in the unit of the system; undefined is NaN."""

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

Energies = NDArray[np.float64]
RESAMPLES = 999  # of the bootstrap
INDEPENDENT = "ks_independent_statistic", "ks_independent_pvalue"
EXACT_UP_TO = 1000  # samples; beyond, the asymptotic distribution of D is exact enough and fast


def ks_test(requested: Energies, obtained: Energies) -> tuple[float, float]:
    """Return D and p of the two-sample Kolmogorov-Smirnov test, the paper's measure.

    It compares the two distributions and not the pairs: a generator that ignores the request can pass. The
    pairs being correlated, p is larger than for independent samples.
    """
    from scipy.stats import ks_2samp

    method = "exact" if max(len(requested), len(obtained)) <= EXACT_UP_TO else "asymp"
    with warnings.catch_warnings():
        # SciPy's exact p may come out as 1 + 1e-16; it then takes the asymptotic one, which is 1 as well, and says so.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        result = ks_2samp(requested, obtained, method=method)
    return float(result.statistic), float(result.pvalue)


def mae(requested: Energies, obtained: Energies) -> float:
    """Return the mean absolute difference."""
    return float(np.abs(obtained - requested).mean())


def rmse(requested: Energies, obtained: Energies) -> float:
    """Return the root of the mean squared difference."""
    return float(np.sqrt(np.square(obtained - requested).mean()))


def bias(requested: Energies, obtained: Energies) -> float:
    """Return the mean of obtained - requested."""
    return float((obtained - requested).mean())


def r2(requested: Energies, obtained: Energies) -> float:
    """Return 1 - SS_res / SS_tot of the obtained energies about the line obtained = requested.

    SS_tot is the sum of squares of the requested energies about their mean; NaN if those are all equal.
    """
    total = np.square(requested - requested.mean()).sum()
    # ptp and not SS_tot, which rounding leaves a little above 0 for equal numbers.
    return float(1 - np.square(obtained - requested).sum() / total) if np.ptp(requested) > 0 else math.nan


def pearson_r(requested: Energies, obtained: Energies) -> float:
    """Return Pearson's correlation; NaN if either side is constant."""
    # NumPy would divide by a spread of 0, or by what rounding makes of it.
    if not (np.ptp(requested) > 0 and np.ptp(obtained) > 0):
        return math.nan
    return float(np.corrcoef(requested, obtained)[0, 1])


def validity(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of sheets that obey the rule that the data obeys."""
    return float(system.is_valid(states).mean())


def removed_share(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of atoms that repair would remove, NaN without atoms; of cells that it would change."""
    repaired = system.repair(states)
    if system.atoms is None:
        return float((repaired != states).mean())
    before, after = system.num_atoms(states).sum(), system.num_atoms(repaired).sum()
    return float((before - after) / before) if before else math.nan


def pieces(system: LatticeSystem, states: NDArray[np.uint8]) -> dict[str, float] | None:
    """Return the mean and the largest number of pieces of a sheet, and the share of sheets with more than one.

    None where a sheet may be of any number of pieces.
    """
    counts = None if system.rule is None else system.rule.num_pieces(states)
    if counts is None:
        return None
    return {"mean": float(counts.mean()), "max": int(counts.max()), "share_detached": float((counts > 1).mean())}


def intervals(requested: Energies, obtained: Energies, seed: int) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals of what depends on the pairs: mae, rmse, bias, r2.

    Percentiles over resampled pairs. D has none: resampling adds ties of its own to it; `ks_expected` is what to
    read it against.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    found = {}
    for name, metric in (("mae", mae), ("rmse", rmse), ("bias", bias), ("r2", r2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateDataWarning)  # where a metric is undefined, so is its interval
            result = bootstrap(
                (requested, obtained),
                metric,
                paired=True,
                vectorized=False,
                n_resamples=RESAMPLES,
                method="percentile",
                rng=np.random.default_rng(seed),
            )
        found[name] = (float(result.confidence_interval.low), float(result.confidence_interval.high))
    return found


def ks_expected(num_samples: int) -> float:
    """Return the D to expect of two independent sets of `num_samples` from one distribution (Kolmogorov's mean)."""
    return math.sqrt(math.pi / 2) * math.log(2) * math.sqrt(2 / num_samples)


def percentiles(values: Energies) -> list[float]:
    """Return what 16, 50 and 84 % of values (n,) are below: of a normal distribution its mean, and one sd about it."""
    return [float(value) for value in np.percentile(values, (16, 50, 84))]


def errors_by_energy(requested: Energies, obtained: Energies, num_bins: int = 10) -> list[dict[str, float]]:
    """Return the errors in bins of equally many requests, from the lowest energy to the highest.

    Each bin has the mean request, the number of sheets, the bias and the standard deviation of the errors; and their
    median and what 16 % and 84 % of them are below, which few sheets that are far off do not change.
    """
    errors = obtained - requested
    # Fewer requests than bins leave some of these empty.
    parts = [part for part in np.array_split(np.argsort(requested, kind="stable"), num_bins) if len(part)]
    return [
        {
            "requested": float(requested[part].mean()),
            "num_samples": len(part),
            "bias": bias(requested[part], obtained[part]),
            "sd": float(errors[part].std()),
            **dict(zip(("percentile_16", "median", "percentile_84"), percentiles(errors[part]), strict=True)),
        }
        for part in parts
    ]


def defined(value: Any) -> Any:
    """Return content in which None stands for NaN and infinity, which JSON does not know."""
    if isinstance(value, dict):
        return {key: defined(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [defined(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def agreement(
    requested: Energies, obtained: Energies, spread: float, independent: Energies | None = None
) -> dict[str, float]:
    """Return how energies obtained agree with those requested.

    Args:
        requested: (n,).
        obtained: (n,).
        spread: standard deviation of the energies of the data.
        independent: (m,), energies of the data drawn apart from the requests: D and p against these are those of
            two independent samples, while pairs are closer to each other than chance.
    """
    statistic, pvalue = ks_test(requested, obtained)
    apart = {} if independent is None else dict(zip(INDEPENDENT, ks_test(independent, obtained), strict=True))
    mean_error = bias(requested, obtained)
    return {
        "ks_statistic": statistic,
        "ks_pvalue": pvalue,
        **apart,
        "mae": mae(requested, obtained),
        "rmse": rmse(requested, obtained),
        "r2": r2(requested, obtained),
        "pearson_r": pearson_r(requested, obtained),
        "bias": mean_error,
        "bias_in_sd": mean_error / spread if spread > 0 else math.nan,
    }


def judge_error(standard_errors: Energies | None) -> dict[str, float]:
    """Return what the errors of a judge leave open, in the unit of the errors; nothing for a judge that tells none.

    - `standard_error`: of one sheet, the root of the mean square. The mean absolute error of sheets without any fault
      is sqrt(2 / pi) times this.
    - `standard_error_of_mean`: of the bias, and at most that of the mean absolute error. Errors of different sheets
      are taken as independent.

    Args:
        standard_errors: (n,), by sheet.
    """
    if standard_errors is None:
        return {}
    of_sheet = float(np.sqrt(np.square(standard_errors).mean()))
    return {"standard_error": of_sheet, "standard_error_of_mean": of_sheet / math.sqrt(len(standard_errors))}


def uniform_sheets(system: LatticeSystem, states: NDArray[np.uint8]) -> dict[str, float]:
    """Return the share of sheets that are of one state alone, by what that state holds: the empty, the full ones.

    A rule calls them valid, and so does any measure that only looks for faults.
    """
    alike = (states == states[:, :1, :1]).all(axis=(1, 2))
    first = states[:, 0, 0]
    names = [" ".join(name or "-" for name in sites) for sites in system.species]
    return {name: float((alike & (first == state)).mean()) for state, name in enumerate(names)}
