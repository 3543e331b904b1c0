"""The Tuning panel."""
