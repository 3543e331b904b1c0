"""The Piano panel: a song in, its cover seen, heard, changed and exported."""
