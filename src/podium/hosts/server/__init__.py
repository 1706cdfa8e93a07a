"""Our own server: uvicorn on uvloop, with our own connections."""
