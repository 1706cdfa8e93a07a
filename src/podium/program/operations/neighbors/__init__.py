"""From rows to what they are like among the training rows."""
