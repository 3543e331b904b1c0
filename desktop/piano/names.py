"""Which files the piano side takes, by their endings."""

SOUNDS = (
    ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".wav", ".aif", ".aiff", ".wma",
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi",
)  # fmt: skip
"""Songs: sound, or video with sound."""
MIDI = (".mid", ".midi")
