"""One's own preprocessing and models: code that is run once with a recorder in place of the table.

`exporter` has the exporters of functions and transformers, `models` that of models; `values`, `labels`,
`frames` and `stacks` stand in for columns, arrays and frames; `numpy_functions` and `pandas_functions`
for what these libraries do with them; `checks` for scikit-learn's checks; `nested` exports the fitted
estimators that the code calls; `branches` runs functions of one value on each way through them; `watch`
finds out whether the code depends on anything else.
"""
