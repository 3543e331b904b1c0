"""Frames: what stands where, in which colour, when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from desktop.piano.cover import LEFT, RIGHT, Chord
from desktop.piano.waterfall import light
from desktop.piano.waterfall.keys import is_black
from desktop.piano.waterfall.letters import letters
from desktop.piano.waterfall.looks import LOOKS, NIGHT, PLAIN, PLAYED
from desktop.piano.waterfall.renderer import Options, Renderer
from desktop.piano.waterfall.scene import Scene, scene_of
from desktop.piano.waterfall.surface import Bytes, Screen, Video
from tests.piano.waterfall.songs import cover, second

W, H = 640, 360
Colour = tuple[float, float, float]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return scene_of(cover())


def seen(frame: Bytes, x: float, y: float) -> npt.NDArray[np.float64]:
    """Red, green, blue at a place of a frame of the screen."""
    return frame[int(y), int(x), 2::-1].astype(float) / 255


def key_colour(renderer: Renderer, frame: Bytes, pitch: int) -> npt.NDArray[np.float64]:
    y = renderer.fall + renderer.board * (0.4 if is_black(pitch) else 0.82)
    return seen(frame, renderer.keys.centre(pitch), y)


def near(one: npt.NDArray[np.float64], other: Colour, by: float = 0.16) -> bool:
    return bool(np.abs(one - np.array(other)).max() < by)


def rgb(planes: Bytes, width: int, height: int) -> npt.NDArray[np.float64]:
    """A frame of the video form as red, green, blue 0..255: the textbook's inverse of BT.709."""
    flat = planes.reshape(-1).astype(np.float64)
    area = width * height
    y = (flat[:area].reshape(height, width) - 16) / 219
    half = (height // 2, width // 2)
    cb, cr = ((flat[a : a + area // 4].reshape(half) - 128).repeat(2, 0).repeat(2, 1) / 224 for a in (area, area * 5 // 4))
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 1) * 255


@pytest.mark.parametrize("style", sorted(LOOKS))
@pytest.mark.parametrize("hand", [RIGHT, LEFT])
def test_a_key_is_lit_in_its_hands_colour_while_its_note_sounds(scene: Scene, style: str, hand: int) -> None:
    renderer = Renderer(scene, W, H, LOOKS[style], Screen(), Options(keys="all"))
    note = 0 if hand == RIGHT else 1
    pitch = int(scene.pitch[note])
    resting = key_colour(renderer, renderer.frame(-1.0), pitch)
    before = key_colour(renderer, renderer.frame(scene.start[note] - 0.001), pitch)
    assert np.array_equal(before, resting)
    for at in (scene.start[note], scene.end[note] - 0.001):
        assert near(key_colour(renderer, renderer.frame(at), pitch), LOOKS[style].hands[hand])
    after = key_colour(renderer, renderer.frame(scene.end[note] + light.FADE + 0.001), pitch)
    assert np.array_equal(after, resting)


def test_black_keys_and_the_users_own_keys_are_lit(scene: Scene) -> None:
    renderer = Renderer(scene, 1280, 720, NIGHT, Screen(), Options(keys="all"))
    assert near(key_colour(renderer, renderer.frame(second(2.5)), 66), NIGHT.hands[RIGHT], 0.35)
    pressed = renderer.frame(-1.0, {72: PLAYED, 40: LEFT, 5: LEFT})
    assert near(key_colour(renderer, pressed, 72), NIGHT.hands[PLAYED])
    assert near(key_colour(renderer, pressed, 40), NIGHT.hands[LEFT])


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (1280, 720)])
def test_notes_stand_where_they_will_strike(scene: Scene, size: tuple[int, int]) -> None:
    renderer = Renderer(scene, *size, PLAIN, Screen())
    at = second(-0.5)
    frame = renderer.frame(at)
    for note in range(2):
        pitch, hand = int(scene.pitch[note]), int(scene.hand[note])
        low = renderer.fall - (scene.start[note] - at) * renderer.pace.speed
        high = renderer.fall - (scene.end[note] - at) * renderer.pace.speed
        x = renderer.keys.centre(pitch)
        for y in (low - 3, (low + high) / 2, high + 5):
            assert near(seen(frame, x, y), PLAIN.hands[hand], 0.05), (note, y)
        for y in (low + 3, high - 3):
            assert near(seen(frame, x, y), PLAIN.ground, 0.1), (note, y)


def test_velocity_is_brightness(scene: Scene) -> None:
    renderer = Renderer(scene, W, H, PLAIN, Screen(), Options(keys="all"))
    at = second(3) - 0.2
    frame = renderer.frame(at)
    soft, loud = (renderer.fall - (second(b) - at) * renderer.pace.speed for b in (3.4, 4.4))
    x = renderer.keys.centre(60)
    assert seen(frame, x, loud).sum() > seen(frame, x, soft).sum() + 0.1


@pytest.mark.parametrize("form", [Screen(), Video()])
def test_a_frame_is_the_one_before_moved_down(scene: Scene, form: Screen | Video) -> None:
    look = replace(PLAIN, bar=0.0)
    renderer = Renderer(scene, W, H, look, form, Options(lead=2.5, rate=60))
    assert renderer.pace.parts == 1 and renderer.pace.steps == 2
    before, after = (renderer.frame(-1.0 + i / 60)[: renderer.fall].copy() for i in range(2))
    assert np.array_equal(before[:-2], after[2:])
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("style", sorted(LOOKS))
def test_what_was_drawn_before_does_not_matter(scene: Scene, style: str) -> None:
    options = Options(letters=letters, caption="A song", opening=0.0)
    one, other = (Renderer(scene, 320, 180, LOOKS[style], Video(), options) for _ in range(2))
    for at in np.arange(0, 3, 0.13).tolist():
        one.frame(at)
    for at in (0.5, 1.37, 2.9):
        assert np.array_equal(one.frame(at), other.frame(at))


@pytest.mark.parametrize("style", sorted(LOOKS))
def test_video_and_screen_show_the_same(scene: Scene, style: str) -> None:
    video, screen = (Renderer(scene, W, H, LOOKS[style], form, Options(letters=letters)) for form in (Video(), Screen()))
    for at in (0.1, second(1.3)):
        shown = screen.frame(at)[..., 2::-1].astype(float)
        coded = rgb(video.frame(at), W, H)
        # Halved chroma blurs edges; whole areas agree.
        assert np.abs(coded - shown).mean() < 2.0
        assert np.quantile(np.abs(coded - shown).max(axis=2), 0.9) < 8


def test_nothing_is_opaque_but_notes_and_keys_when_transparent(scene: Scene) -> None:
    renderer = Renderer(scene, W, H, NIGHT, Screen(), Options(transparent=True, letters=letters))
    frame = renderer.frame(second(-0.5))
    alpha = frame[..., 3]
    assert (alpha[renderer.fall :] == 255).all()
    assert (alpha[: renderer.fall] == 0).mean() > 0.8
    x = int(renderer.keys.centre(60))
    low = int(renderer.fall - (second(0.5) - second(-0.5)) * renderer.pace.speed)
    assert alpha[low, x] == 255
    assert (frame[..., :3].max(axis=2) <= alpha).all() or np.mean(frame[..., :3].max(axis=2) > alpha) < 0.02


def test_a_picture_shows_where_no_note_is(scene: Scene) -> None:
    picture = np.zeros((H, W, 3), np.uint8)
    picture[:, : W // 2] = 255
    renderer = Renderer(scene, W, H, PLAIN, Video(), Options(picture=picture, keys="all"))
    frame = rgb(renderer.frame(second(-0.5)), W, H)
    left, right = frame[10, 10], frame[10, W - 10]
    assert left.min() > right.max() + 50
    x = renderer.keys.centre(60)
    y = renderer.fall - (second(0.5) - second(-0.5)) * renderer.pace.speed
    assert near(frame[int(y), int(x)] / 255, PLAIN.hands[RIGHT], 0.06)


def test_a_long_song_takes_no_more_memory() -> None:
    notes = [(float(b), b + 0.8, 40 + b % 40, 80, b % 2) for b in range(1200)]
    renderer = Renderer(scene_of(cover(notes)), 320, 180, NIGHT, Video())
    held = set()
    for at in range(0, 600, 20):
        renderer.frame(float(at))
        held.add(len(renderer.strip._pieces))
    assert max(held) <= 2 * renderer.pace.parts * (180 // 256 + 4)


def test_another_scene_and_another_speed(scene: Scene) -> None:
    renderer = Renderer(scene, W, H, PLAIN, Screen())
    before = renderer.frame(0.0).copy()
    renderer.show(scene_of(cover([(0.0, 1.0, 72, 72, RIGHT)])))
    assert not np.array_equal(renderer.frame(0.0), before)
    renderer.show(scene)
    assert np.array_equal(renderer.frame(0.0), before)
    renderer.fall_in(1.5)
    assert renderer.lead == pytest.approx(1.5, rel=0.06)
    assert renderer.second_at(renderer.fall - renderer.pace.speed, 5.0) == pytest.approx(6.0)
    assert renderer.pitch_at(renderer.keys.centre(61), renderer.fall + 5) == 61


def test_words_fall_with_their_beats() -> None:
    made = replace(cover(), chords=(Chord(4, 8, 9, "min7", 9),))
    scene = scene_of(made)
    assert [mark.text for mark in scene.chords] == ["Am7"]
    at = second(1)
    shown, bare = (
        Renderer(scene, W * 2, H * 2, PLAIN, Screen(), Options(letters=letters, chords=on)).frame(at).astype(int)
        for on in (True, False)
    )
    y, x = np.nonzero(np.abs(shown - bare).max(axis=2))
    renderer = Renderer(scene, W * 2, H * 2, PLAIN, Screen())
    line = renderer.fall - (second(4) - at) * renderer.pace.speed
    assert 0 < line - y.max() < 20 and y.min() > line - 60 and x.max() < W


def test_captions_fit() -> None:
    from desktop.piano.waterfall.caption import caption, opacity

    for text in ("A", "Six O’Clock Ferry", "A very long title " * 6, "Donaudampfschifffahrtsgesellschaft" * 3):
        for width, height in ((1920, 1080), (1080, 1920), (160, 90)):
            ink = caption(text, width, height, NIGHT, letters, True)
            assert ink.shape[1] <= width and ink.shape[0] % 2 == ink.shape[1] % 2 == 0
    assert opacity(0.0) == 0.0 and opacity(2.0) == 1.0 and opacity(10.0) == 0.0


def test_letters_of_one_size_are_equally_high_whatever_they_are() -> None:
    for text in ("7", "Ferry", "C♯m7/E", "Ночной поезд"):
        ink = letters(text, 24)
        assert ink.dtype == np.float32 and ink.ndim == 2 and ink.max() > 0.9
        assert 24 <= ink.shape[0] <= 40 and ink[:, 0].max() < 0.6
    assert letters("7", 24).shape[0] == letters("Fg", 24).shape[0]
