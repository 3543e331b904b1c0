"""Recipe of a network that writes piano covers, learnt from the human arrangements of POP909 (MIT) alone.

1. ``render``: plays songs of POP909 as pop bands and keeps what is heard on the grid of the beats, with the pianist's notes.
2. ``train``: picks up songs that are still being rendered; goes on where it stopped.
3. ``export``: the averaged weights as the graphs that the product's Pop2Piano loop runs, compared with transformers.
4. ``evaluate``: songs that were not trained on, beside the engine Sketch.

Run as modules from ``packaging/training`` with the repository's root on the path. See README.md.
"""
