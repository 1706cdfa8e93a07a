"""Clients of a Podium server: predictions, jobs, feedback and explanations over HTTP.

`Client` is for ordinary programs, `AsyncClient` for those with an event loop. Neither loads anything
of the server. (`podium.testing.Client` is something else: it sends requests to an app in the same
process, for tests of apps.)
"""
