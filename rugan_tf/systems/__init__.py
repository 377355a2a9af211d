"""Materials behind one interface: what networks, training, generation and evaluation need to know of each."""

DEFAULT_SYSTEM = "porous_graphene"  # here, where a client finds it without importing any material
