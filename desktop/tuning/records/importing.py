"""Bringing a file of examples in: read, understood, split, and kept as Arrow files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Records
from desktop.paths import atomic_write
from desktop.tuning.records.cache import Cache, copied
from desktop.tuning.records.columns import Tally, find_roles, is_classification
from desktop.tuning.records.facts import MAX_PROBLEMS, SPLITS, Column, Facts, Problem, name_of
from desktop.tuning.records.imported import FACTS, Imported, open_imported
from desktop.tuning.records.intake import Intake, bad_row
from desktop.tuning.records.keys import KeyMaker, Keys
from desktop.tuning.records.layout import Shape
from desktop.tuning.records.names import PART, split_named
from desktop.tuning.records.reading import require_columns
from desktop.tuning.records.splitting import TEST, VALIDATION, chosen, split
from desktop.tuning.records.storing import Store, write_splits
from desktop.tuning.records.summary import classes, conflicts, first_of_each, histogram, leakage

Places = npt.NDArray[np.int8]
_TO_BE_SPLIT, _LEFT_OUT = -2, -1


def import_records(records: Records, progress: Progress, *, into: Path | None = None) -> Imported:
    """Read a file of examples, with the files held out beside it, in constant memory; an unchanged file is read only once.

    Args:
        into: folder to make (a run's own copy); without it the rows lie in the cache, which may forget them later.

    Raises:
        UserError: a file cannot be read, holds no usable row, lacks a column, was changed meanwhile, or the disk is full.
    """
    cache = Cache()
    key = cache.key(records)
    folder = cache.find(key)
    if folder is None:
        with cache.making(key) as hidden:
            _bring_in(records, hidden, progress)
        folder = cache.keep(key, hidden)
    if into is not None:
        folder = copied(folder, into)
    progress.at(1.0, "Rows are ready")
    return open_imported(folder)


def _bring_in(records: Records, folder: Path, progress: Progress) -> None:
    with Store(folder) as store:
        intake = Intake(records, store, progress.part(0.0, 0.6))
        for name in (records.source, records.validation_file, records.test_file):
            if name:
                intake.take(Path(name))
    columns = _columns(store, progress.part(0.6, 0.72))
    if _has_parts(intake) and next(column for column in columns if column.name == PART).distinct < 2:
        # The only list of the file: its name says nothing of the rows.
        columns = [column for column in columns if column.name != PART]
    inputs, output = find_roles(_visible(columns, intake), records.inputs, records.output)
    for source, names in zip(intake.sources, intake.names, strict=True):
        require_columns(Path(source.path), names, [*inputs, *([output] if output else [])])
    maker = KeyMaker(inputs, output, PART if _has_parts(intake) else "", records.seed)
    part = progress.part(0.72, 0.9)
    for batch in store.batches():
        maker.add(batch)
    part.at(1.0, "Looking for duplicates")
    labels = is_classification(next((column for column in columns if column.name == output), None), store.rows)
    facts, places = _decide(records, intake, maker, columns, inputs, output, labels and maker.labels is not None)
    part = progress.part(0.9, 1.0)
    paths = [folder / f"{name}.arrow" for name in SPLITS]
    names = [column.name for column in columns]
    write_splits(store.batches(), names, places, paths, lambda done: part.at(done / store.rows, "Storing the rows"))
    store.remove()
    with atomic_write(folder / FACTS) as out:
        out.write(msgspec.json.encode(facts))


def _columns(store: Store, progress: Progress) -> list[Column]:
    tallies = [Tally(name) for name in store.names]
    done = 0
    for batch in store.batches():
        for tally in tallies:
            tally.add(batch.column(tally.name))
        done += batch.num_rows
        progress.at(done / store.rows, "Looking at the columns")
    return [tally.column() for tally in tallies]


def _visible(columns: Sequence[Column], intake: Intake) -> list[Column]:
    """Columns that may be prompt or answer: of the first file, and of a conversation those made from it."""
    if not intake.chat:
        return [column for column in columns if column.name in intake.names[0]]
    system = next((column for column in columns if column.name == "system"), None)
    names = ["prompt", "answer"] + (["system"] if system is not None and system.distinct > 1 else [])
    return [column for column in columns if column.name in names]


def _has_parts(intake: Intake) -> bool:
    return intake.layout.shape is Shape.SPLITS and PART in intake.names[0]


def _given(maker: KeyMaker, keys: Keys) -> Places:
    """The split that a row's file or list belongs to, where it is one of those held out or several lists say."""
    names = [split_named(name) for name in maker.parts]
    of_part = np.array([SPLITS.index(name) if name else 0 for name in names], np.int8)
    given = np.full(len(keys.prompt), _TO_BE_SPLIT, np.int8)
    if any(name in SPLITS[1:] for name in names):
        given = of_part[keys.part]
        given[given == 0] = _TO_BE_SPLIT
    return given


def _decide(
    records: Records,
    intake: Intake,
    maker: KeyMaker,
    columns: list[Column],
    inputs: tuple[str, ...],
    output: str,
    by_label: bool,
) -> tuple[Facts, Places]:
    """Every row's split (-1: left out), and what there is to know."""
    keys = maker.keys()
    if records.strict and maker.problems:
        file, problems = next(iter(maker.problems.items()))
        raise bad_row(intake.sources[file].path, problems[0])
    given = _given(maker, keys)
    held_out = [place for place, name in ((VALIDATION, records.validation_file), (TEST, records.test_file)) if name]
    for file, place in enumerate(held_out, 1):
        given[keys.file == file] = place
    unique = first_of_each(keys, given)
    kept = keys.usable if records.keep_duplicates else unique
    places = np.where(kept, given, np.int8(_LEFT_OUT)).astype(np.int8)
    _split_rest(records, keys, places, by_label)
    counts, total, unseen = classes(keys.answer, places, maker.labels or {}) if by_label else ({}, 0, [])
    facts = Facts(
        format=intake.layout.format,
        encoding=intake.layout.encoding,
        delimiter=intake.layout.delimiter,
        rows=int((places >= 0).sum()),
        columns=columns,
        inputs=inputs,
        output=output,
        splits={name: int((places == place).sum()) for place, name in enumerate(SPLITS)},
        problems_total=intake.problems_total + maker.unusable,
        problems=_problems(intake, maker),
        bad_total=intake.bad_total + maker.unusable,
        duplicates=int(keys.usable.sum() - unique.sum()),
        conflicts=conflicts(keys) if output else 0,
        leakage=leakage(keys.prompt, places),
        classes=counts,
        classes_total=total,
        is_classification=by_label,
        unseen=unseen,
        chars=histogram(keys.chars[places >= 0]),
        source=intake.sources[0],
        held_out=intake.sources[1:],
    )
    return facts, places


def _split_rest(records: Records, keys: Keys, places: Places, by_label: bool) -> None:
    """Put the rows that no file or list decides into splits, in place."""
    rest = np.flatnonzero(places == _TO_BE_SPLIT)
    if records.limit and len(rest) > records.limit:
        marks = chosen(keys.prompt[rest], keys.answer[rest], records.limit)
        places[rest[~marks]] = _LEFT_OUT
        rest = rest[marks]
    validation = 0.0 if (places == VALIDATION).any() else records.validation
    test = 0.0 if (places == TEST).any() else records.test
    places[rest] = split(keys.prompt[rest], keys.answer[rest], validation, test, by_answer=by_label)


def _problems(intake: Intake, maker: KeyMaker) -> list[Problem]:
    """The first of all, by file and line."""
    found: list[Problem] = []
    for file, problems in enumerate(intake.problems):
        name = name_of(intake.sources[file]) if file else ""
        both = sorted([*problems, *maker.problems.get(file, [])], key=lambda problem: problem.line)
        found += [msgspec.structs.replace(problem, file=name) for problem in both]
    return found[:MAX_PROBLEMS]
