"""skrub's transformers: `tables` has those of whole frames, `columns` those of a single column."""
