"""The Open Inference Protocol by gRPC, beside our own server's HTTP."""
