"""Jobs on several computers: Dask carries them, TLS with keys of our own keeps strangers out."""
