"""Records on their way to a store: kept at once, on a disk of our own, and shipped in a moment."""
