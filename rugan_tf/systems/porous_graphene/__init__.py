"""Porous graphene: a honeycomb of carbon with holes, one piece without dangling atoms."""
