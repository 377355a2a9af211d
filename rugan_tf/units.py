"""Units of every physical quantity, in one place: eV, Å, and eV/Å²."""

ENERGY = "eV"
LENGTH = "Å"
ENERGY_PER_AREA = "eV/Å²"
EV_PER_KELVIN = 8.617333262e-5  # Boltzmann constant, CODATA 2018
