"""Records on their way to a store: written to our own disk at once, and shipped a moment later."""
