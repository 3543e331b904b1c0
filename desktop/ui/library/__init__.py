"""The model library: what there is, what it costs in bytes and terms, and what of it is here."""
