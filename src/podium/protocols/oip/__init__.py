"""The Open Inference Protocol v2, which the clients of Triton, KServe and MLServer speak.

What REST and gRPC share is in `tensors` (datatypes, raw and typed contents), `inputs` (tensors to
columns), `outputs` (outputs to tensors, and the tensors of a model's metadata) and `words` (errors).
"""
