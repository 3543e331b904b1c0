"""Models: the catalog, the library of installed files, and sessions that run them."""
