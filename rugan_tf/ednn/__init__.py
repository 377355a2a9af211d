"""The EDNN: trained on reference energies, independently of RUGAN, and its evaluation."""
