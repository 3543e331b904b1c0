"""Changes of a cover by hand: pure functions from notes and indices to new notes and a new selection."""
