"""One's own preprocessing: code that is run once with a recorder in place of the table.

`exporter` has the exporters; `values`, `labels` and `frames` stand in for columns, arrays and frames;
`numpy_functions` and `pandas_functions` for what these libraries do with them; `branches` runs functions
of one value on each way through them; `watch` finds out whether the code depends on anything else.
"""
