"""Monte Carlo of the task that RUGAN learns: sheets at a requested energy per area, or at temperatures."""
