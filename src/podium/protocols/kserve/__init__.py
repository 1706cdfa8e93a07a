"""KServe's V1 protocol, which its own client, TensorFlow Serving's and Seldon's can speak.

Source: "V1 Protocol", kserve.github.io; errors as in KServe 0.21.
"""
