"""Materials behind one interface: what networks, training, generation and evaluation need to know of each."""
