"""Recipe of resources/models/melody-1: renders songs, trains the melody network, exports and measures it."""
