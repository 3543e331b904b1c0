"""From a lead sheet to two hands: what to play, before anyone asks whether fingers can."""
