"""Thousands of files by one request: what they are, in which order, how the results are called, and the report of them."""
