"""Engines: each writes the notes of a cover on a beat grid."""
