"""The protocol of MLflow's scoring server, which its own client and its tools speak.

Sources: "MLflow Serving", Inference Server Specification; errors as in MLflow 3.17.
"""
