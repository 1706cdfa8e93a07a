"""From a fitted model to a bundle: its signature, its metrics, and whether the program agrees."""
