"""Which files the piano side takes, by their endings."""

AUDIO = (".mp3", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".wav", ".aif", ".aiff", ".wma")
SOUNDS = (*AUDIO, ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""Songs: sound, or video with sound."""
MIDI = (".mid", ".midi")
