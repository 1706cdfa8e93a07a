"""`python -m bench.serve`."""

from bench.serve.command import main

main()
