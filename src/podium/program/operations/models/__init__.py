"""From rows to the sums, shares and codes of a model."""
