"""Jinja templates of prompts and of conversations, in a sandbox: they come with models and data from anywhere."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from desktop.errors import UserError

ROW = "row"
Message = Mapping[str, str]
# Templates may ask for today's date. A prompt must not change from one day to the next, so they all get the day that Llama 3's
# template takes when it is told none.
_DAY = datetime(2024, 7, 26)


class _Generation(Extension):
    """``{% generation %}`` marks what the model writes; here it is a plain block."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def row_template(text: str, columns: Sequence[str]) -> Callable[[Mapping[str, str]], str]:
    """A function that fills a template from a row.

    Raises:
        UserError: it is not valid Jinja, or names a column that is not among ``columns``; filling it may raise one as well.
    """
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        tree = environment.parse(text)
        template = environment.from_string(text)
    except TemplateSyntaxError as error:
        raise UserError(
            f"The prompt's template is not valid: line {error.lineno}: {error.message}",
            remedy=f"Write a column as {{{{ {columns[0] if columns else 'text'} }}}}.",
        ) from error
    known = {*columns, ROW, *environment.globals}
    unknown = sorted(meta.find_undeclared_variables(tree) - known)
    if unknown:
        raise UserError(
            f"The prompt's template uses '{unknown[0]}', which is no column", remedy=f"The columns are: {', '.join(columns)}."
        )

    def fill(row: Mapping[str, str]) -> str:
        try:
            return template.render(**row, **({} if ROW in row else {ROW: row}))
        except Exception as error:
            # A template is a program: whatever it raises, it is at fault.
            raise UserError(
                f"The prompt's template cannot be filled: {error}", remedy=f"The columns are: {', '.join(columns)}."
            ) from error

    return fill


def named_columns(text: str) -> set[str]:
    """Names that a template uses; empty when it is not valid."""
    try:
        return set(meta.find_undeclared_variables(ImmutableSandboxedEnvironment().parse(text)))
    except TemplateSyntaxError:
        return set()


@functools.lru_cache(maxsize=16)
def _chat(text: str) -> Callable[..., str]:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols], cache_size=0
    )

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)

    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda format: _DAY.strftime(format)
    return environment.from_string(text).render


def conversation(text: str, messages: Sequence[Message], tokens: Mapping[str, str], *, prompt: bool) -> str:
    """A conversation as a model's own template writes it, as transformers' ``apply_chat_template`` does.

    Args:
        tokens: special tokens by name. prompt: end with what begins the model's turn.

    Raises:
        UserError: the template fails.
    """
    try:
        return _chat(text)(messages=list(messages), tools=None, documents=None, add_generation_prompt=prompt, **tokens)
    except Exception as error:
        raise UserError(f"The base model's template of conversations fails: {error}") from error


def turn(text: str, system: str, content: str, tokens: Mapping[str, str]) -> str:
    """The prompt that asks ``content``; where a template takes no system message, ``content`` begins with it."""
    user = {"role": "user", "content": content}
    if not system:
        return conversation(text, [user], tokens, prompt=True)
    if _takes_system(text, tuple(tokens.items())):
        return conversation(text, [{"role": "system", "content": system}, user], tokens, prompt=True)
    return conversation(text, [{"role": "user", "content": f"{system}\n\n{content}"}], tokens, prompt=True)


@functools.lru_cache(maxsize=16)
def _takes_system(text: str, tokens: tuple[tuple[str, str], ...]) -> bool:
    probe = "\ue000"
    messages = [{"role": "system", "content": probe}, {"role": "user", "content": "a"}]
    try:
        return probe in conversation(text, messages, dict(tokens), prompt=True)
    except UserError:
        return False
