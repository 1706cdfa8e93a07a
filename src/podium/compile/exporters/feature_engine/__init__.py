"""feature_engine's transformers: they take frames, and choose their columns by name.

`columns` has what they share: columns by name, and the refusal of missing values.
"""
