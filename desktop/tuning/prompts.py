"""Rows to tokens and back, by ``tokenizer.json`` alone: the same when a model is tuned, evaluated and used.

A prompt that is too long loses the ends of its longest values; what surrounds them (the template's text, the frame of a
conversation) and the answer stay whole.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding

from desktop.errors import UsageError, UserError
from desktop.models.hub_folder import TOKENIZER, Family
from desktop.tuning import templates
from desktop.tuning.cutting import shortened
from desktop.tuning.make_card import make_card as make_card
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.tokenizer import open_tokenizer, surroundings

Row = Mapping[str, str]
# Private characters, which no text has, mark places in it.
_MARKS = 0xE000
_BATCH = 1024


class Encoded(NamedTuple):
    """A row as the model gets it.

    Attributes:
        prompt, answer: token ids; the answer ends with the end's token unless it was cut.
        prompt_cut, answer_cut: how many tokens were left out.
    """

    prompt: list[int]
    answer: list[int]
    prompt_cut: int = 0
    answer_cut: int = 0


class Prompter:
    """Makes prompts as a card says; ``folder`` holds ``tokenizer.json``.

    Raises:
        UserError: the tokenizer cannot be read, the template is wrong, or the room does not hold the frame of a prompt.
    """

    def __init__(self, folder: Path, card: PromptCard) -> None:
        self.card = card
        self.folder = folder
        self._tokenizer = open_tokenizer(folder)
        self._special = frozenset(number for number, token in self._tokenizer.get_added_tokens_decoder().items() if token.special)
        self._head, self._foot = surroundings(self._tokenizer)
        self._fill = templates.row_template(card.template, card.inputs) if card.template else None
        # A decoder's answer shares its room with the prompt.
        self._shared = card.family == Family.DECODER
        frame = 0 if card.family == Family.ENCODER else len(self._ids(self._text(dict.fromkeys(card.inputs, ""))))
        if card.max_tokens < frame + (2 if self._shared else 1) or card.max_tokens < len(self._head) + len(self._foot) + 1:
            raise UsageError(
                f"max_tokens: {card.max_tokens} tokens do not hold an empty prompt, which takes {frame}",
                remedy="Allow more, or choose a shorter template.",
            )
        self._room = card.max_tokens - frame

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the card and the tokenizer: equal means equal tokens."""
        digest = hashlib.sha256(self.card.fingerprint.encode())
        digest.update((self.folder / TOKENIZER).read_bytes())
        return digest.hexdigest()

    def prompt(self, row: Row) -> str:
        """The prompt's text, whole, with the frame of a conversation.

        Raises:
            UserError: a column is missing in ``row``.
        """
        return self._text(self._values(row))

    def encode(self, row: Row) -> Encoded:
        """One row's tokens."""
        return self.encode_many([row])[0]

    def encode_many(self, rows: Sequence[Row]) -> list[Encoded]:
        """Tokens of prompts and answers; an encoder's rows have no answers."""
        if self.card.family == Family.ENCODER:
            return [Encoded(prompt, [], cut) for prompt, cut in self._whole_or_cut(rows, [self.card.max_tokens] * len(rows))]
        answers = self.encode_answers([self._answer(row) for row in rows])
        rooms = [self.card.max_tokens - (len(answer) if self._shared else 0) for answer, _ in answers]
        prompts = self._whole_or_cut(rows, rooms)
        return [
            Encoded(prompt, answer, cut, answer_cut) for (prompt, cut), (answer, answer_cut) in zip(prompts, answers, strict=True)
        ]

    def encode_prompts(self, rows: Sequence[Row]) -> list[list[int]]:
        """Tokens of the prompts, with room left for the longest answer."""
        room = self.card.max_tokens - (self._answer_room() if self._shared else 0)
        return [prompt for prompt, _ in self._whole_or_cut(rows, [room] * len(rows))]

    def encode_answers(self, texts: Sequence[str]) -> list[tuple[list[int], int]]:
        """Tokens of answers, with the end's token, and how many were cut off each (the end's goes first)."""
        room, end = self._answer_room(), [] if self.card.end is None else [self.card.end]
        found = self._tokenizer.encode_batch_fast([self.card.joint + text for text in texts], add_special_tokens=False)
        whole = [encoding.ids + end for encoding in found]
        return [(ids[:room], max(0, len(ids) - room)) for ids in whole]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens, up to the first that ends it."""
        stop = frozenset(self.card.stop)
        last = next((index for index, number in enumerate(ids) if number in stop), len(ids))
        return self._tokenizer.decode(list(ids[:last]), skip_special_tokens=True).strip()

    def pieces(self, row: Row) -> list[list[str]]:
        """What the model sees of a row, in order: [text, "prompt" | "answer" | "special"]; as "cut", what it does not see."""
        values = self._values(row)
        answer, answer_cut = ([], 0) if self.card.family == Family.ENCODER else self.encode_answers([self._answer(row)])[0]
        room = self.card.max_tokens - (len(answer) if self._shared else 0)
        text = self._text(values)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        found: list[list[str]] = [[self._name(number), "special"] for number in self._around(encoding)[0]]
        if len(encoding.ids) + self._extra(encoding) <= room:
            found += _coloured(text, encoding, self._special)
        elif self.card.family == Family.ENCODER:
            end = encoding.offsets[room - self._extra(encoding) - 1][1]
            found += [[text[:end], "prompt"], [text[end:], "cut"]]
        else:
            found += self._cut_pieces(values, room)
        found += [[self._name(number), "special"] for number in self._around(encoding)[1]]
        if answer:
            found += self._answer_pieces(row, answer, answer_cut)
        return _joined(found)

    def _values(self, row: Row) -> dict[str, str]:
        try:
            return {name: row[name] for name in self.card.inputs}
        except KeyError as error:
            raise UserError(
                f"There is no column '{error.args[0]}', which the prompt is made of", remedy=f"The columns are: {', '.join(row)}."
            ) from None

    def _answer(self, row: Row) -> str:
        try:
            return row[self.card.output]
        except KeyError:
            raise UserError(
                f"There is no column '{self.card.output}' with the answers", remedy=f"The columns are: {', '.join(row)}."
            ) from None

    def _text(self, values: Row) -> str:
        """The prompt of values."""
        content = self._content(values)
        card = self.card
        if card.is_chat:
            return templates.turn(card.chat_template, card.system, content, card.tokens)
        if card.system:
            content = f"{card.system}{chr(10) * 2 if self._shared else ' '}{content}"
        return content + card.tail

    def _content(self, values: Row) -> str:
        if self._fill is not None:
            return self._fill(values)
        if len(values) == 1:
            return next(iter(values.values()))
        return "\n".join(f"{name}: {value}" for name, value in values.items())

    def _answer_room(self) -> int:
        return max(1, min(self.card.max_answer, self._room)) if self._shared else self.card.max_answer

    def _around(self, encoding: Encoding) -> tuple[list[int], list[int]]:
        """Ids that the tokenizer puts before and after a text; a conversation's template has written its own."""
        head = [] if self.card.is_chat or encoding.ids[: len(self._head)] == self._head else self._head
        return (list(head), [] if self.card.is_chat else self._foot)

    def _extra(self, encoding: Encoding) -> int:
        head, foot = self._around(encoding)
        return len(head) + len(foot)

    def _ids(self, text: str) -> list[int]:
        return self._finished(self._tokenizer.encode(text, add_special_tokens=False))

    def _finished(self, encoding: Encoding) -> list[int]:
        ids: list[int] = encoding.ids
        if self.card.is_chat or not (self._head or self._foot):
            return ids
        head, foot = self._around(encoding)
        return head + ids + foot

    def _whole_or_cut(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[tuple[list[int], int]]:
        found: list[tuple[list[int], int]] = []
        for start in range(0, len(rows), _BATCH):
            values = [self._values(row) for row in rows[start : start + _BATCH]]
            encodings = self._tokenizer.encode_batch_fast([self._text(value) for value in values], add_special_tokens=False)
            for value, encoding, room in zip(values, encodings, rooms[start:], strict=False):
                ids = self._finished(encoding)
                found.append((ids, 0) if len(ids) <= room else self._cut(value, encoding, room))
        return found

    def _cut(self, values: Row, encoding: Encoding, room: int) -> tuple[list[int], int]:
        before = len(encoding.ids) + self._extra(encoding)
        if self.card.family == Family.ENCODER:
            head, foot = self._around(encoding)
            return head + encoding.ids[: room - len(head) - len(foot)] + foot, before - room
        ids = self._ids(self._text(self._shortened(values, room)))[:room]
        return ids, before - len(ids)

    def _shortened(self, values: Row, room: int) -> dict[str, str]:
        return shortened(values, room, self._tokenizer, lambda given: len(self._ids(self._text(given))))

    def _cut_pieces(self, values: Row, room: int) -> list[list[str]]:
        """As ``pieces``, of a prompt that is too long: what was cut is put where it was."""
        kept = self._shortened(values, room)
        text = self._text(kept)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        names = [name for name in values if kept[name] != values[name]]
        marks = {name: chr(_MARKS + number) for number, name in enumerate(names)}
        marked = self._text({name: kept[name] + marks.get(name, "") for name in values})
        places = sorted((marked.index(mark), name) for name, mark in marks.items() if mark in marked)
        cuts = [(place - before, values[name][len(kept[name]) :]) for before, (place, name) in enumerate(places)]
        return _coloured(text, encoding, self._special, cuts)

    def _answer_pieces(self, row: Row, answer: list[int], cut: int) -> list[list[str]]:
        text = self.card.joint + self._answer(row)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not cut:
            return [[text, "answer"]] + ([[self._name(self.card.end), "special"]] if self.card.end is not None else [])
        seen = min(len(answer), len(encoding.ids))
        end = encoding.offsets[seen - 1][1] if seen else 0
        return [[text[:end], "answer"], [text[end:], "cut"]]

    def _name(self, number: int | None) -> str:
        return "" if number is None else self._tokenizer.id_to_token(number) or ""


def _coloured(text: str, encoding: Encoding, special: frozenset[int], cuts: Sequence[tuple[int, str]] = ()) -> list[list[str]]:
    """A text in pieces by the kind of its tokens, with what was cut put in at its places."""
    found: list[list[str]] = []
    borders = [(start, end) for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True) if number in special]
    edges = sorted({0, len(text), *(edge for border in borders for edge in border), *(place for place, _ in cuts)})
    missing = list(cuts)
    for start, end in zip(edges, [*edges[1:], len(text)], strict=True):
        while missing and missing[0][0] <= start:
            found.append([missing.pop(0)[1], "cut"])
        inside = any(first <= start and end <= last for first, last in borders)
        found.append([text[start:end], "special" if inside and end > start else "prompt"])
    return found


def _joined(pieces: Sequence[Sequence[str]]) -> list[list[str]]:
    """Without empty pieces, and neighbours of one kind together."""
    found: list[list[str]] = []
    for text, kind in pieces:
        if not text:
            continue
        if found and found[-1][1] == kind:
            found[-1][0] += text
        else:
            found.append([text, kind])
    return found
