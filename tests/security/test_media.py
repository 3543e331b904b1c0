"""Clips, songs and pictures from strangers: playlists read nothing else, pipes hold nobody up, bombs take no memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from desktop.batch import media
from desktop.batch.sources import gather
from desktop.errors import UserError
from desktop.models import onnxfile
from desktop.models.export import checkpoint
from desktop.piano.audio import load_audio
from desktop.piano.beats import read_beats
from desktop.piano.open_cover import open_cover
from desktop.piano.soundfont import chosen_soundfont
from desktop.piano.waterfall.picture import load_picture
from desktop.tuning.records.reading import read_rows
from desktop.video.media.decode import Decoder
from desktop.video.media.stills import MOST_PIXELS, read_still
from tests.e2e.clips import make_clip
from tests.fuzz.mutating import little_memory

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" '
    'minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 1 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
PLAYLISTS = {"hls": HLS, "concat": "ffconcat version 1.0\nfile '{}'\n", "dash": DASH, "sdp": SDP}


@pytest.fixture
def web() -> Iterator[tuple[str, list[bytes]]]:
    """Address of a clip on a server of this computer, and what was asked of it."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as caller:
                        asked.append(caller.recv(4096))

        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/clip.ts", asked


def test_ffmpeg_alone_would_follow_a_playlist(tmp_path: Path) -> None:
    """The attack is a real one."""
    make_clip(tmp_path / "secret.ts", 5, sound=False)
    (tmp_path / "list.m3u8").write_text(HLS.format("secret.ts"))
    with av.open(str(tmp_path / "list.m3u8")) as opened:
        assert len(list(opened.decode(video=0))) == 5


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_read_neither_other_files_nor_the_network(tmp_path: Path, kind: str, web: tuple[str, list[bytes]]) -> None:
    address, asked = web
    secret = make_clip(tmp_path / "secret.ts", 5)
    for target in ("secret.ts", str(secret), f"file:{secret}", address):
        for ending in (".mp4", ".ts", ".m3u8", ".mpd", ".sdp", ".mp3"):
            (file := tmp_path / f"clip{ending}").write_text(PLAYLISTS[kind].replace("{}", target))
            for read in (Decoder, load_audio):
                with pytest.raises(UserError):
                    read(file)
            assert media.length(str(file)) is None and media.pair(file, file) == []
    assert not asked


def test_names_are_those_of_files_whatever_they_look_like(tmp_path: Path, web: tuple[str, list[bytes]]) -> None:
    address, asked = web
    secret = make_clip(tmp_path / "secret.ts", 5)
    odd = [address, f"concat:{secret}", f"subfile,,start,0,end,0,,:{secret}", f"file:{secret}", f"async:{secret}", "/dev/stdin"]
    for name in [*odd, "tcp://127.0.0.1:1", "pipe:0", "-", "lavfi:testsrc", str(tmp_path / "%03d.png")]:
        assert media.length(name) is None, name
        for read in (Decoder, load_audio, read_still):
            with pytest.raises(UserError):
                read(name)
    assert not asked
    for name in ("-rf.mp4", "--help.mp4", "concat:a|b.mp4", "http:x.mp4", "a%03d.mp4"):
        (place := tmp_path / name).write_bytes(secret.read_bytes())
        assert media.length(str(place))
        Decoder(place).close()


class TooLong(Exception):
    """Somebody waits for a pipe."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes longer, also where it waits for the system."""

    def ring(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


NAMED: dict[str, Callable[[Path], object]] = {
    ".mp4": Decoder,
    ".mp3": load_audio,
    ".png": read_still,
    ".jpg": lambda path: load_picture(path, 64, 64),
    ".mid": open_cover,
    ".reprise": open_cover,
    ".txt": lambda path: gather([path], "restore"),
    ".beats": read_beats,
    ".csv": lambda path: list(read_rows(path)),
    ".onnx": onnxfile.read,
    ".pth": checkpoint.read,
    ".sf2": lambda path: chosen_soundfont(str(path)),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("ending", NAMED)
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, ending: str) -> None:
    os.mkfifo(pipe := tmp_path / f"pipe{ending}")
    (zero := tmp_path / f"zero{ending}").symlink_to("/dev/zero")
    for file in (pipe, zero):
        with at_most(10), little_memory(), pytest.raises(UserError):
            NAMED[ending](file)


def png(width: int, height: int, rows: int) -> bytes:
    """A picture that says to be so large and has so many rows of zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head, rest = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), zlib.compress(bytes((width + 1) * rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rest) + chunk(b"IEND", b"")


def test_pictures_of_gigabytes_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    side = int(MOST_PIXELS**0.5) + 100
    bmp = b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    for name, data in (("a.png", png(side, side, 50)), ("b.png", png(2**31 - 1, 2**31 - 1, 0)), ("c.bmp", bmp)):
        (file := tmp_path / name).write_bytes(data)
        for read in (read_still, lambda path: load_picture(path, 64, 64)):
            with little_memory(), pytest.raises(UserError):
                read(file)
    (small := tmp_path / "small.png").write_bytes(png(40, 30, 30))
    assert read_still(small).width == 40


WAV = b"RIFF\xff\xff\xff\xffWAVEfmt "
SOUNDS = {
    "length": WAV + struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16) + b"data\xff\xff\xff\xff" + bytes(100),
    "channels": WAV + struct.pack("<IHHIIHH", 16, 1, 65_535, 44_100, 176_400, 4, 16) + b"data\xff\xff\xff\x7f" + bytes(100),
    "rate": WAV + struct.pack("<IHHIIHH", 16, 1, 1, 2**31 - 1, 176_400, 2, 16) + b"data\xff\xff\xff\x7f" + bytes(1000),
    "head": WAV + b"\xff\xff\xff\xff\x01\0\x01\0" + bytes(1000),
}


@pytest.mark.parametrize("kind", SOUNDS)
def test_sounds_that_promise_gigabytes_are_refused(tmp_path: Path, kind: str) -> None:
    (file := tmp_path / "song.wav").write_bytes(SOUNDS[kind])
    with little_memory(), pytest.raises(UserError):
        load_audio(file)
