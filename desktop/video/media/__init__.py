"""Clips and still pictures: what they hold, their pictures one after another, and their writing."""
