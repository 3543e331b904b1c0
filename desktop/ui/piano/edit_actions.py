"""What can be done to notes, with its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from desktop.piano.cover import LEFT, RIGHT
from desktop.ui.actions import Action
from desktop.ui.piano.edit_editor import Editor, Tool

if TYPE_CHECKING:
    from desktop.ui.piano.canvas import Canvas
    from desktop.ui.piano.edit_desk import Desk


def actions(canvas: Canvas, desk: Desk) -> list[Action]:
    """Editing and saving. The arrow keys are here too: they move the chosen notes, else the playhead."""
    editor, song, stack = canvas.editor, canvas.song, canvas.song.document.stack

    def here() -> str:
        return "" if canvas.isVisible() and song.is_open else "Open a song first"

    def blocked() -> str:
        return here() or editor.blocked

    def unchosen() -> str:
        return here() or editor.unchosen

    def saveable() -> str:
        return here() or ("" if song.cover is not None else "There is no cover yet")

    def undo() -> str:
        return here() or ("" if stack.canUndo() else "Nothing to undo")

    def redo() -> str:
        return here() or ("" if stack.canRedo() else "Nothing to redo")

    def notes(name: str, text: str, run: Callable[[], None], *keys: str) -> Action:
        return Action(f"edit.{name}", text, run, keys, "Edit", unchosen)

    return [
        Action("file.save", "Save the cover", desk.save, ("Ctrl+S",), "File", saveable),
        Action("file.save_as", "Save the cover as…", desk.save_as, ("Ctrl+Shift+S",), "File", saveable),
        Action("edit.undo", "Undo", stack.undo, ("Ctrl+Z",), "Edit", undo),
        Action("edit.redo", "Redo", stack.redo, ("Ctrl+Y", "Ctrl+Shift+Z"), "Edit", redo),
        notes("cut", "Cut", editor.cut, "Ctrl+X"),
        notes("copy", "Copy", editor.copy, "Ctrl+C"),
        Action("edit.paste", "Paste at the playhead", editor.paste, ("Ctrl+V",), "Edit", lambda: here() or editor.pasteable),
        notes("duplicate", "Duplicate", editor.duplicate, "Ctrl+D"),
        notes("delete", "Delete notes", editor.delete, "Del", "Backspace"),
        Action("edit.all", "Choose all notes", editor.choose_all, ("Ctrl+A",), "Edit", blocked),
        Action("edit.none", "Choose nothing", partial(_let_go, editor), ("Esc",), "Edit", blocked, soft=True),
        Action("edit.bars", "Choose whole bars", editor.choose_bars, ("Ctrl+Shift+A",), "Edit", blocked),
        Action("edit.right_hand", "Choose the right hand's notes", lambda: editor.choose_hand(RIGHT), ("Alt+R",), "Edit",
               blocked),
        Action("edit.left_hand", "Choose the left hand's notes", lambda: editor.choose_hand(LEFT), ("Alt+L",), "Edit",
               blocked),
        Action("edit.draw", "Draw notes", partial(_flip_tool, editor), ("B",), "Edit", blocked, lambda: editor.tool is Tool.DRAW),
        Action("edit.back", "Notes earlier, or the playhead a beat back", partial(_sideways, canvas, -1), ("Left",), "Edit",
               here, soft=True),
        Action("edit.on", "Notes later, or the playhead a beat on", partial(_sideways, canvas, 1), ("Right",), "Edit",
               here, soft=True),
        Action("edit.up", "Notes a semitone up", lambda: editor.move(0, 1), ("Up",), "Edit", unchosen, soft=True),
        Action("edit.down", "Notes a semitone down", lambda: editor.move(0, -1), ("Down",), "Edit", unchosen, soft=True),
        Action("edit.back_fine", "Notes a little earlier", lambda: editor.nudge(-1, fine=True), ("Shift+Left",), "Edit",
               unchosen, soft=True),
        Action("edit.on_fine", "Notes a little later", lambda: editor.nudge(1, fine=True), ("Shift+Right",), "Edit",
               unchosen, soft=True),
        Action("edit.octave_up", "Notes an octave up", lambda: editor.move(0, 12), ("Shift+Up",), "Edit", unchosen, soft=True),
        Action("edit.octave_down", "Notes an octave down", lambda: editor.move(0, -12), ("Shift+Down",), "Edit", unchosen,
               soft=True),
        notes("step_up", "Notes a step of the scale up", lambda: editor.transpose_in_key(1), "Alt+Up"),
        notes("step_down", "Notes a step of the scale down", lambda: editor.transpose_in_key(-1), "Alt+Down"),
        notes("quantise", "Quantise", editor.quantise, "Q"),
        notes("hand", "To the other hand", editor.swap_hands, "H"),
        notes("louder", "Louder", lambda: editor.scale_velocity(1.1), "Ctrl+Alt+Up"),
        notes("softer", "Softer", lambda: editor.scale_velocity(1 / 1.1), "Ctrl+Alt+Down"),
        Action("edit.split", "Line between the hands", editor.toggle_split, ("S",), "Edit", blocked,
               lambda: editor.split is not None),
        Action("edit.velocity", "Velocity lane", lambda: editor.toggle_lane("velocity"), ("V",), "View", here,
               lambda: "velocity" in editor.lanes),
        Action("edit.pedal", "Pedal lane", lambda: editor.toggle_lane("pedal"), ("P",), "View", here,
               lambda: "pedal" in editor.lanes),
    ]  # fmt: skip


def _sideways(canvas: Canvas, steps: int) -> None:
    if canvas.editor.unchosen:
        canvas.step(steps)
    else:
        canvas.editor.nudge(steps)


def _flip_tool(editor: Editor) -> None:
    editor.set(tool=Tool.SELECT if editor.tool is Tool.DRAW else Tool.DRAW)


def _let_go(editor: Editor) -> None:
    """First the selection, then the draw tool."""
    if len(editor.song.selection):
        editor.choose(())
    else:
        editor.set(tool=Tool.SELECT)
