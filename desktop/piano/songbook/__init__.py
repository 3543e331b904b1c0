"""Songbook: a network that has learnt from arrangements by people says which keys a pianist would strike to a song."""
