"""Writes the demo song: audio, MIDI score and ground truth.

    python packaging/demo_song/make.py --soundfont MuseScore_General.sf3 --output resources/demo

The same SoundFont gives the same song. Needs the project's environment (symusic, mido, PyAV, scipy).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import av
import mido
import numpy as np

import mix
import score
import song


def write_audio(samples: mix.Samples, path: Path) -> None:
    """Ogg Opus, stereo."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=mix.RATE, layout="stereo", bit_rate=144_000)
        container.metadata.update({"title": song.TITLE, "license": "CC0-1.0"})
        step = 48_000
        for at in range(0, len(samples), step):
            block = np.ascontiguousarray(samples[at : at + step].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = mix.RATE, at, Fraction(1, mix.RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_midi(parts: dict[str, list[score.Note]], path: Path) -> None:
    """The score as played, one track a part."""
    file = mido.MidiFile(type=1, ticks_per_beat=mix.TICKS)
    conductor = [
        (0, mido.MetaMessage("track_name", name=song.TITLE)),
        (0, mido.MetaMessage("time_signature", numerator=song.METER)),
    ]
    conductor.append((0, mido.MetaMessage("key_signature", key=song.KEY.split()[0])))
    conductor += [(round(beat * mix.TICKS), mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))) for beat, bpm in song.TEMPO]
    file.tracks.append(track(conductor))
    for channel, (name, notes) in zip((0, 1, 2, 3, 4, 9), parts.items(), strict=True):
        events: list[tuple[int, mido.Message | mido.MetaMessage]] = [(0, mido.MetaMessage("track_name", name=name))]
        events.append((0, mido.Message("program_change", channel=channel, program=song.PROGRAMS[name])))
        for note in notes:
            on, off = round(note.start * mix.TICKS), round((note.start + note.length) * mix.TICKS)
            events.append((on, mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)))
            events.append((off, mido.Message("note_off", channel=channel, note=note.pitch)))
        file.tracks.append(track(events))
    file.save(str(path))


def track(events: list[tuple[int, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    """Events at absolute ticks as a track; a note's end comes before a start at the same tick."""
    out, now = mido.MidiTrack(), 0
    for tick, message in sorted(events, key=lambda e: (e[0], e[1].type == "note_on")):
        out.append(message.copy(time=tick - now))
        now = tick
    return out


def write_truth(parts: dict[str, list[score.Note]], folder: Path) -> None:
    """Beats (seconds, number in the bar), melody and chords as heard."""
    beats = [f"{score.seconds(beat):.4f}\t{beat % song.METER + 1}" for beat in range(score.total_beats())]
    (folder / "beats.txt").write_text("\n".join(beats) + "\n", encoding="utf-8")
    lines = ["start,end,pitch"]
    lines += [f"{score.seconds(n.start):.4f},{score.seconds(n.start + n.length):.4f},{n.pitch}" for n in parts["lead"]]
    (folder / "melody.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = ["start,end,start_beat,end_beat,root,quality,bass"]
    for c in score.chords():
        end = c.start + c.length
        lines.append(f"{score.seconds(c.start):.4f},{score.seconds(end):.4f},{c.start:g},{end:g},{c.root},{c.quality},{c.bass}")
    (folder / "chords.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write the song's files."""
    parser = argparse.ArgumentParser(description=f'Writes "{song.TITLE}".')
    parser.add_argument("--soundfont", type=Path, required=True, help="MuseScore_General.sf3 (MIT) for the shipped audio")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "resources" / "demo")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    parts = score.band()
    write_midi(parts, options.output / f"{song.STEM}.mid")
    write_truth(parts, options.output)
    write_audio(mix.mixdown(parts, options.soundfont), options.output / f"{song.STEM}.opus")


if __name__ == "__main__":
    main()
