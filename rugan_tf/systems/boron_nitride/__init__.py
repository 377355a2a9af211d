"""Hybrids of graphene and boron nitride, described by `boron_nitride.toml`."""
