"""Make the training data: play songs, mix them, run the transcription network, keep maps and labels as bytes.

cd packaging/training
python -m melody.render --renderer render_pop909.py --pop909 pop909 --network nmp.onnx --fonts A.sf2 B.sf3 \
    --out data --seeds 101 102
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from desktop.models.session import Session, open_session
from desktop.piano.melody_features import FEATURE_RATE, features
from desktop.piano.transcription import posteriors

from .band import Note, Stems, load_renderer, play
from .settings import DataSettings
from .voice import sing

Floats = npt.NDArray[Any]
REST = -1


def labels(lead: list[Note], bridge: list[Note], frames: int, stretch: float, gap: float) -> npt.NDArray[np.int8]:
    """[2, frames]: the voice's pitch, and the lead instrument's where the voice has been silent for long (REST where none).

    Args:
        stretch: how much longer the sound became when it was detuned.
        gap: seconds of silence from which the lead instrument counts.
    """
    times = (np.arange(frames) + 0.25) / FEATURE_RATE / stretch
    out = np.full((2, frames), REST, np.int8)
    for start, end, pitch in lead:
        out[0, (times >= start) & (times < end)] = pitch
    edges = [0.0] + [t for start, end, _ in lead for t in (start, end)] + [1e9]
    for silent, until in zip(edges[::2], edges[1::2], strict=True):
        if until - silent < gap:
            continue
        for start, end, pitch in sorted(bridge, key=lambda note: note[2]):
            inside = (times >= max(start, silent)) & (times < min(end, until))
            out[1, inside] = pitch
    return out


def mix(stems: Stems, rng: np.random.Generator, renderer: ModuleType, settings: DataSettings) -> Floats:
    """One mix of the stems with levels, room, tone and compression of its own."""
    total = np.zeros(len(stems.audio["lead"]))
    for name, sound in stems.audio.items():
        gain = stems.levels[name]
        if name == "lead":
            gain += rng.uniform(*settings.lead_gain)
        else:
            gain += rng.normal(0, settings.part_gain)
            if name != "bridge" and rng.random() < settings.drop_part:
                continue
        total += sound * 10 ** (gain / 20)
    if rng.random() < 0.5:  # a singer's own reverberation
        lead = stems.audio["lead"].astype(np.float64)
        total += renderer.plain_room(rng, lead, rng.uniform(0.6, 2.2), rng.uniform(0.1, 0.4)) - lead
    total = renderer.plain_room(rng, total, rng.uniform(0.2, 1.6), rng.uniform(0.02, 0.25))
    total = renderer.plain_tilt(total, rng.uniform(-6, 5), rng.uniform(-8, 5))
    if rng.random() < 0.3:
        total = sosfilt(butter(4, rng.uniform(4000, 9500), fs=stems.rate, output="sos"), total)
    total = np.tanh(total * rng.uniform(0.6, 2.5) / max(1e-9, float(np.percentile(np.abs(total), 99.9))))
    if rng.random() < 0.3:
        total += rng.standard_normal(len(total)) * 10 ** (rng.uniform(-60, -38) / 20)
    loudest: Floats = 0.9 * total / np.abs(total).max()
    return (loudest * 10 ** (rng.uniform(-12, 0) / 20)).astype(np.float32)


def second_voice(stems: Stems, rng: np.random.Generator) -> list[Note]:
    """The lead doubled a third below, an octave below or above: harmony singers and octave pairs."""
    step = int(rng.choice([-3, -4, -5, -12, 12]))
    return [(start, end, pitch + step) for start, end, pitch in stems.lead]


def even(sound: Floats) -> Floats:
    """At the loudness of the renderer's stems."""
    return sound * np.float32(0.1 / max(1e-6, float(np.sqrt(np.mean(sound[np.abs(sound) > 1e-3] ** 2)))))


def singer(stems: Stems, rng: np.random.Generator, settings: DataSettings) -> Floats:
    """The lead sung, sometimes by two."""
    seconds = len(stems.audio["lead"]) / settings.rate
    sound = even(sing(stems.lead, seconds, settings.rate, rng))
    if rng.random() < settings.double_lead:
        other = even(sing(second_voice(stems, rng), seconds, settings.rate, rng))
        sound = sound + other * np.float32(10 ** (rng.uniform(-14, -6) / 20))
    return sound


def make(args: argparse.Namespace, song: int, seed: int, network: Session, module: ModuleType, settings: DataSettings) -> None:
    """Write one song's file."""
    rng = np.random.default_rng([seed, song, 7])
    font = args.fonts[int(rng.integers(len(args.fonts)))]
    program = int(rng.choice(settings.other_leads)) if rng.random() < settings.other_leads_share else None
    stems = play(module, args.pop909 / f"{song:03d}", seed, font, program, settings)
    size = len(stems.audio["lead"])
    kind = "program"
    if rng.random() < settings.voice_share:
        kind = "voice"
        stems.audio["lead"] = singer(stems, rng, settings)
    sound = mix(stems, rng, module, settings)
    detune = float(rng.uniform(-settings.detune, settings.detune)) if rng.random() < 0.5 else 0.0
    stretch = 2 ** (-detune / 12)
    if detune:
        at = np.arange(int(size * stretch)) / stretch
        sound = np.interp(at, np.arange(size), sound).astype(np.float32)
    heard = posteriors(sound, network)
    found = features(heard, sound)
    target = labels(stems.lead, stems.bridge, found.maps.shape[1], stretch, settings.bridge_gap)
    path = args.out / f"{song:03d}_{seed}.npz"
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        np.savez(
            file,
            maps=np.round(found.maps * 255).astype(np.uint8),
            spectrum=np.round(found.spectrum * 255).astype(np.uint8),
            labels=target,
            kind=kind,
        )
    half.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--renderer", "--pop909", "--network", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--songs", type=int, nargs=2, help="first and last song number")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="this process and how many there are")
    args = parser.parse_args()
    settings = DataSettings()
    args.out.mkdir(parents=True, exist_ok=True)
    network, module = open_session(args.network, device="cpu", threads=1), load_renderer(args.renderer, settings.rate)
    first, last = args.songs or settings.train
    songs = np.random.default_rng(0).permutation(np.arange(first, last + 1))[args.part[0] :: args.part[1]]
    for seed in args.seeds:
        for song in songs.tolist():
            if (args.out / f"{song:03d}_{seed}.npz").exists():
                continue
            started = time.perf_counter()
            try:
                make(args, song, seed, network, module, settings)
            except (ValueError, FileNotFoundError, IndexError) as error:
                print(f"{song:03d} {seed}: {type(error).__name__}: {error}", flush=True)
                continue
            print(f"{song:03d} {seed}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
