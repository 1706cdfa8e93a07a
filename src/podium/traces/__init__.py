"""Traces of predictions, by OpenTelemetry."""
