"""Restoring clips and images: segment by segment, stoppable at any byte."""
