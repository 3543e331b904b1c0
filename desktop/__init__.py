"""Reprise: piano covers, restored faces, fine-tuned small models, on your own machine."""

__version__ = "0.1.0"
