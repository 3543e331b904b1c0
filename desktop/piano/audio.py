"""Sound in and out: anything FFmpeg decodes becomes float32 samples at the rate asked for, and back into files."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.containers import open_media
from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write
from desktop.plain_files import check_plain

Samples = npt.NDArray[np.float32]

SHORTEST = 1.0
"""Seconds below which there is nothing to find beats in."""

LONGEST = 3600.0
"""Seconds above which a file is refused: it is a recording of a concert, not a song, and would not fit into memory."""

SILENCE = 10 ** (-66 / 20)
"""Peak amplitude below which a file counts as silent (a few steps of 16-bit dither)."""

CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".ogg": "libopus", ".mp3": "libmp3lame"}
"""Formats that ``write_audio`` writes, by extension, and their encoder (PyAV's wheels have no Vorbis encoder)."""

BITRATES = {"libopus": 160_000, "libmp3lame": 224_000}

LISTEN = "Play it in another program; if it is broken there too, export the song again as WAV, FLAC or MP3."


@dataclass(frozen=True)
class Audio:
    """Decoded sound.

    Attributes:
        samples: float32, [n] (mono) or [n, 2] (stereo), about -1..1.
        rate: samples a second.
        warnings: what the user should know, such as a file that ends early.
    """

    samples: Samples
    rate: int
    warnings: tuple[str, ...] = field(default=())

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def load_audio(path: Path | str, rate: int = 22050, mono: bool = True, progress: Progress | None = None) -> Audio:
    """Decode the best audio track of a sound or video file.

    Args:
        path: any file that FFmpeg reads; it is only read, and nothing it refers to is opened.
        rate: sample rate of the result in Hz.
        mono: [n] when set, else [n, 2]; more channels are mixed down.
        progress: told how far the decoding is.

    Raises:
        UserError: missing, not a file, empty, not audio, no audio track, shorter than a second, silent, or longer than an hour.
    """
    path = Path(path)
    progress = progress or Progress()
    _check_file(path)
    with _open(path) as container:
        stream = container.streams.best("audio")
        if stream is None:
            raise UserError("This file has no audio track", path=path, remedy="Choose a sound file, or a video that has sound.")
        declared = _declared_seconds(container, stream)
        if declared > LONGEST:
            raise _too_long(path, declared)
        store = _Store(rate, mono, declared)
        trouble = _is_cut_wav(path)
        told = 0.0
        try:
            for block in _blocks(container, stream, rate, mono):
                store.add(block)
                progress.checkpoint()
                if store.seconds > LONGEST:
                    raise _too_long(path, store.seconds)
                if declared and store.seconds - told > declared / 50:
                    told = store.seconds
                    progress.at(told / declared, "Reading the song")
        except _Broken:
            trouble = True
    samples = store.take()
    peak = _peak(samples)
    _check_samples(path, len(samples) / rate, peak, trouble)
    if peak > 1.0:
        # Mixing channels down adds them up.
        samples *= np.float32(1.0 / peak)
    seconds = len(samples) / rate
    warnings: tuple[str, ...] = ()
    if trouble or seconds < 0.97 * declared - 1.0:
        of = f" of {_clock(declared)}" if declared > seconds + 1 else ""
        warnings = (f"{path.name} is damaged or cut off: {_clock(seconds)}{of} could be read and is used",)
    return Audio(samples, rate, warnings)


def write_audio(path: Path | str, samples: Samples, rate: int) -> None:
    """Write sound in the format of the extension (``CODECS``); the file is complete or absent.

    Args:
        samples: float32 [n] or [n, 2]; louder than -1..1 is clipped.

    Raises:
        UserError: unknown extension, or the file cannot be written.
    """
    import av

    path = Path(path)
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise UserError(f"Cannot write '{path.suffix}' audio", path=path, remedy=f"Use one of {', '.join(CODECS)}.")
    sound = samples[:, None] if samples.ndim == 1 else samples
    layout = "mono" if sound.shape[1] == 1 else "stereo"
    try:
        with atomic_write(path) as file, av.open(file, "w", format=path.suffix.lower().lstrip(".")) as container:
            stream = container.add_stream(codec, rate=48000 if codec == "libopus" else rate, layout=layout)
            if codec in BITRATES:
                stream.bit_rate = BITRATES[codec]
            for packet in _encoded(stream, sound, rate, layout):
                container.mux(packet)
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"The audio could not be written: {_reason(error)}", path=path) from error


def peaks(samples: Samples, rate: int, per_second: int = 100) -> Samples:
    """Waveform outline: float32 [n, 2] of (lowest, highest) sample over all channels, ``per_second`` rows a second."""
    count = math.ceil(len(samples) * per_second / rate)
    if not count:
        return np.zeros((0, 2), np.float32)
    starts = np.arange(count, dtype=np.int64) * rate // per_second
    low = np.minimum.reduceat(samples, starts)
    high = np.maximum.reduceat(samples, starts)
    if samples.ndim == 2:
        low, high = low.min(axis=1), high.max(axis=1)
    return np.stack([low, high], axis=1).astype(np.float32)


class _Broken(Exception):
    """The decoder could not go on; what came before is good."""


class _Store:
    """Samples in one array that grows by half, so that the peak is far below twice the sound."""

    def __init__(self, rate: int, mono: bool, declared: float) -> None:
        expected = min(LONGEST, declared or 240.0) + 1.0
        self._rate = rate
        self._data = np.empty((int(expected * rate), *(() if mono else (2,))), np.float32)
        self._used = 0

    @property
    def seconds(self) -> float:
        return self._used / self._rate

    def add(self, block: Samples) -> None:
        end = self._used + len(block)
        if end > len(self._data):
            self._data.resize((int(end * 1.5), *self._data.shape[1:]), refcheck=False)
        self._data[self._used : end] = block
        self._used = end

    def take(self) -> Samples:
        self._data.resize((self._used, *self._data.shape[1:]), refcheck=False)
        return self._data


def _check_file(path: Path) -> None:
    if not path.exists():
        raise UserError("There is no such file", path=path, remedy="Check the name and the folder.")
    check_plain(path)
    if not path.is_file():
        raise UserError("This is a folder, not a song", path=path, remedy="Choose a sound or video file inside it.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UserError(f"The file cannot be read: {_reason(error)}", path=path, remedy="Check its permissions.") from error
    if empty:
        raise UserError("The file is empty (0 bytes)", path=path, remedy="Copy or download it again.")


def _open(path: Path) -> Any:
    import av

    try:
        return open_media(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UserError(
            f"This is not a sound or video file that can be read: {_reason(error)}", path=path, remedy=LISTEN
        ) from error


def _declared_seconds(container: Any, stream: Any) -> float:
    """Length that the file claims, 0 when it says nothing."""
    import av

    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(container.duration / av.time_base) if container.duration else 0.0


def _blocks(container: Any, stream: Any, rate: int, mono: bool) -> Iterator[Samples]:
    """Resampled blocks; ends with _Broken when the decoder stumbles for good."""
    import av

    convert = _Converter(rate, mono)
    damaged = 0
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                damaged += 1
                continue
            for frame in frames:
                yield from convert(frame)
        yield from convert(None)
    except av.FFmpegError as error:
        with contextlib.suppress(av.FFmpegError):
            yield from convert(None)
        raise _Broken from error
    if damaged > 1:
        raise _Broken


class _Converter:
    """Streaming resampler and down-mixer; starts anew when the stream changes its format in the middle."""

    def __init__(self, rate: int, mono: bool) -> None:
        self._rate, self._mono = rate, mono
        self._format: tuple[object, ...] = ()
        self._resampler: Any = None

    def __call__(self, frame: Any | None) -> Iterator[Samples]:
        import av

        if frame is None:
            yield from self._flush()
            return
        now = (frame.sample_rate, frame.format.name, frame.layout.name, frame.layout.nb_channels)
        if now != self._format:
            yield from self._flush()
            self._format = now
            self._resampler = av.AudioResampler(format="flt", layout="mono" if self._mono else "stereo", rate=self._rate)
        frame.pts = None
        for out in self._resampler.resample(frame):
            yield self._array(out)

    def _flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            for out in self._resampler.resample(None):
                yield self._array(out)
        self._resampler = None

    def _array(self, frame: Any) -> Samples:
        flat: Samples = frame.to_ndarray().reshape(-1)
        return flat if self._mono else flat.reshape(-1, 2)


def _is_cut_wav(path: Path) -> bool:
    """Whether a WAV file promises more bytes than it has; FFmpeg keeps silent about that."""
    with path.open("rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return False
    promised = int.from_bytes(head[4:8], "little")
    # Recorders that could not go back to the header leave the largest number there.
    return promised < 0xFFFF0000 and promised + 8 > path.stat().st_size + 1


def _peak(samples: Samples) -> float:
    """Largest absolute sample; a step at a time, since a whole-array absolute value would double the memory."""
    step = 1 << 20
    return max((float(np.abs(samples[k : k + step]).max()) for k in range(0, len(samples), step)), default=0.0)


def _check_samples(path: Path, seconds: float, peak: float, trouble: bool) -> None:
    if seconds < SHORTEST:
        if trouble or not seconds:
            raise UserError("The file is damaged: hardly any sound could be decoded", path=path, remedy=LISTEN)
        raise UserError(
            f"The sound is only {seconds:.1f} s long", path=path, remedy=f"At least {SHORTEST:.0f} s of music is needed."
        )
    if not math.isfinite(peak):
        raise UserError("The file holds sample values that are not numbers", path=path, remedy=LISTEN)
    if peak < SILENCE:
        raise UserError("The file holds only silence", path=path, remedy="Choose a file that can be heard.")


def _encoded(stream: Any, sound: Samples, rate: int, layout: str) -> Iterator[Any]:
    import av

    step = rate
    for at in range(0, len(sound), step):
        block = np.clip(sound[at : at + step], -1.0, 1.0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.reshape(1, -1), np.float32), format="flt", layout=layout)
        frame.sample_rate = rate
        frame.pts = at
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _too_long(path: Path, seconds: float) -> UserError:
    return UserError(
        f"This file is {_clock(seconds)} long; a song may be at most an hour",
        path=path,
        remedy="Cut the song out of it with an audio editor.",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
