"""From a fitted model to a bundle: its signature, its quality, and whether the program agrees."""
