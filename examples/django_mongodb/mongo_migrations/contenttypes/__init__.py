"""Those of the kinds of rows."""
