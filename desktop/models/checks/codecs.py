"""Which kinds of sound and picture the installed FFmpeg libraries read and write."""

from __future__ import annotations

READ = ("mp3", "aac", "alac", "flac", "vorbis", "opus", "wmav2", "pcm_s16le", "h264", "hevc", "mpeg2video")
WRITE = ("mp3", "aac", "flac", "libvorbis", "vorbis", "libopus", "pcm_s16le", "libx264")


def codecs() -> dict[str, object]:
    """``version`` of the codec library, the kinds it can read (``read``) and write (``write``) among those that matter here."""
    import av

    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {
        "version": version,
        "read": [name for name in READ if _has(name, "r")],
        "missing": [name for name in READ if not _has(name, "r")],
        "write": [name for name in WRITE if _has(name, "w")],
    }


def _has(name: str, mode: str) -> bool:
    import av

    try:
        av.codec.Codec(name, mode)
    except (ValueError, LookupError):
        return False
    return True
