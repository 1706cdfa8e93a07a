"""Our own server: uvicorn on uvloop, with connections that are our own."""
