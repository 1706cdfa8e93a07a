"""Every prediction, kept: what a record is, and the stores that hold them."""
