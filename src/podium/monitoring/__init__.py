"""Whether a model still sees what it was trained on: counts, drift, and alerts."""
