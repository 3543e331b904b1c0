"""Recipe of a network that writes piano covers, learnt from the human arrangements of POP909 (MIT) alone.

1. ``render``: plays songs of POP909 as pop bands and keeps what the program hears of them, with the pianist's notes.
2. ``train``: picks up songs that are still being rendered; goes on where it stopped.
3. ``export``: the averaged weights as the graph that the engine Songbook runs, compared with torch.
4. ``evaluate``: songs that were not trained on, beside the engine Sketch.

Run as modules from ``packaging/training`` with the repository's root on the path. See README.md.
"""
