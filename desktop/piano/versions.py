"""Versions of what is computed here, raised whenever the same song would come out differently: finished work is known by them."""

LISTENING = 4
SKETCH = 2
POP2PIANO = 1
SONGBOOK = 1
"""Of what is made of the networks' answers; each network has a revision of its own."""

ENGINES = {"sketch": SKETCH, "songbook": SONGBOOK, "pop2piano": POP2PIANO}
LISTENERS = ("basic-pitch", "melody")
HELPERS = ("beatnet",)
"""Networks that listening needs, and those that it does without where they cannot be had."""
