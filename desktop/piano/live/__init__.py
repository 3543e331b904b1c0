"""Playing live: a cover out to MIDI ports, keys in from a MIDI keyboard, and practising with both."""
