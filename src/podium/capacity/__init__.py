"""How fast a model is served on this machine, and how many machines a plan needs."""
