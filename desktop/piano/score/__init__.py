"""Covers as piano scores: quantised, in voices, spelled, written as MusicXML and engraved."""
