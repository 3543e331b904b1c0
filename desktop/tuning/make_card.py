"""The card of prompts for a base model and a file of examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from desktop.errors import UserError
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.models import hub_folder
from desktop.models.hub_folder import Family
from desktop.tuning import templates
from desktop.tuning.bases import Base
from desktop.tuning.lengths import settled_lengths
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.tokenizer import configured, open_tokenizer, special_tokens

if TYPE_CHECKING:
    from desktop.tuning.records.facts import Facts

_SPACE = "\u2581"


def make_card(base: Base, records: Records, facts: Facts, recipe: Recipe) -> PromptCard:
    """How rows become prompts for ``base``; lengths that the recipe leaves open follow from the rows.

    Raises:
        UserError: the template is wrong or names a column that there is not, or the columns are not known.
    """
    inputs, output = records.inputs or facts.inputs, records.output or facts.output
    columns = [column.name for column in facts.columns]
    if records.template:
        templates.row_template(records.template, columns)
        used = templates.named_columns(records.template)
        if output in used:
            raise UserError(f"The prompt's template uses '{output}', which is the answer", remedy="Use other columns in it.")
        everything = templates.ROW in used and templates.ROW not in columns
        inputs = tuple(name for name in columns if name != output and (everything or name in inputs or name in used))
    if unknown := [name for name in (*inputs, output) if name and name not in columns]:
        raise UserError(
            f"There is no column '{unknown[0]}'", path=records.source, remedy=f"The columns are: {', '.join(columns)}."
        )
    if not inputs:
        raise UserError(
            "It is not clear which column is the input", path=records.source, remedy=f"Name one of: {', '.join(columns)}."
        )
    tokenizer = open_tokenizer(base.folder)
    numbers = {name: (text, tokenizer.token_to_id(text)) for name, text in special_tokens(base.folder).items()}
    ids = {name: number for name, (_, number) in numbers.items() if number is not None}
    named = {name: numbers[name][0] for name in ids}
    family = Family(base.family)
    chat = hub_folder.chat_template(base.folder) if family is Family.DECODER else ""
    stops = configured(base.folder, "eos_token_id") or [ids[name] for name in ("eos_token",) if name in ids]
    eos = ids.get("eos_token", stops[0] if stops else None)
    end = None if family is Family.ENCODER else _end_of_turn(chat, named, tokenizer, eos)
    max_tokens, max_answer = settled_lengths(base, facts, recipe)
    return PromptCard(
        family=family.value,
        inputs=inputs,
        output=output,
        template=records.template,
        system=records.system,
        chat_template=chat,
        tail=_tail(family, chat, records.template, output),
        joint="" if family is not Family.DECODER or chat or _adds_space(tokenizer) else " ",
        tokens=named,
        bos=next(iter(configured(base.folder, "bos_token_id")), ids.get("bos_token")),
        eos=eos,
        pad=next(iter(configured(base.folder, "pad_token_id")), ids.get("pad_token", 0 if eos is None else eos)),
        start=next(iter(configured(base.folder, "decoder_start_token_id")), 0) if family is Family.SEQ2SEQ else None,
        end=end,
        stop=tuple(dict.fromkeys(number for number in (end, eos, *stops) if number is not None)),
        max_tokens=max_tokens,
        max_answer=max_answer,
    )


def _tail(family: Family, chat: str, template: str, output: str) -> str:
    """What ends the prompt of a decoder that knows no conversations, so that it can tell where the answer begins."""
    if family is not Family.DECODER or chat or template.rstrip().endswith((":", "=>", "->")):
        return ""
    return f"\n{output or 'answer'}:"


def _end_of_turn(chat: str, tokens: Mapping[str, str], tokenizer: Tokenizer, eos: int | None) -> int | None:
    """The token that ends the model's turn by the template of conversations; ``eos`` where it has none of its own."""
    if not chat:
        return eos
    answer = "\ue000"
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": answer}]
    try:
        after = templates.conversation(chat, messages, tokens, prompt=False).rpartition(answer)[2]
    except UserError:
        return eos
    ids = tokenizer.encode(after.strip(), add_special_tokens=False).ids
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    return ids[0] if ids and ids[0] in special else eos


def _adds_space(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer puts a space before a text by itself, as SentencePiece does."""
    found = tokenizer.encode("a", add_special_tokens=False).tokens
    return bool(found) and found[0].startswith(_SPACE)
