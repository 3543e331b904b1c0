"""Piano: from a song to a playable cover."""
