"""The report of a batch as one web page that needs nothing beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from desktop.batch.table import Line, Value
from desktop.paths import atomic_write

PICTURES = 400
"""So many files are shown with a picture, so that the page of thousands still opens at once."""

Pictured = Callable[[Line], str]
"""HTML of a line's picture, "" where it has none (yet)."""

_STYLE = """
:root{color-scheme:light dark;--back:#fbfaf8;--text:#23211e;--soft:#6d675f;--rule:#dcd7cf;--good:#2f7d4f;--bad:#b3372f;
--calm:#8a8377}
@media(prefers-color-scheme:dark){:root{--back:#1b1a18;--text:#ece8e1;--soft:#a29a8e;--rule:#3a3732;--good:#6cc08b;--bad:#ee7f76}}
body{margin:2rem auto;max-width:78rem;padding:0 1.5rem;font:15px/1.5 system-ui,sans-serif;
background:var(--back);color:var(--text)}
h1{font-size:1.5rem;font-weight:600;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p,li{color:var(--soft)}
.bar{display:flex;height:.6rem;margin:1rem 0;border-radius:.3rem;overflow:hidden;background:var(--rule)}
.done{background:var(--good)}.skipped{background:var(--calm)}.failed{background:var(--bad)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.45rem .8rem .45rem 0;vertical-align:top}
tr{border-top:1px solid var(--rule)}thead tr{border:0}th{font-weight:500;color:var(--soft)}
td.pictures{white-space:nowrap;width:1%}img,svg{max-height:72px;border-radius:3px;margin-right:4px}
.name{font-weight:500;overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.87em}.problem{color:var(--bad)}
blockquote{margin:0;font-size:.87em;color:var(--soft);max-width:24rem}
"""


def write_report(lines: Sequence[Line], path: Path, title: str, pictured: Pictured = lambda _: "") -> None:
    """Write the page ``path``.html; raises UserError when that cannot be done."""
    with atomic_write(path.with_name(f"{path.name}.html")) as file:
        file.write(page(lines, title, pictured).encode())


def page(lines: Sequence[Line], title: str, pictured: Pictured) -> str:
    """The page: how many ended how, failures by reason, and a line for each file, failed ones first."""
    counts = Counter(line.state for line in lines)
    total = max(1, len(lines))
    shares = "".join(
        f'<div class="{state}" style="width:{100 * counts[state] / total:.3f}%"></div>' for state in ("done", "skipped", "failed")
    )
    said = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    ordered = sorted(lines, key=lambda line: line.state != "failed")
    left = PICTURES
    rows = []
    for line in ordered:
        picture = pictured(line) if left > 0 and line.result else ""
        left -= bool(picture)
        rows.append(_row(line, picture))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{len(lines)} files: {said}. As of {time.strftime('%Y-%m-%d %H:%M')}.</p>"
        f'<div class="bar">{shares}</div>{_failures(lines)}'
        f"<table><thead><tr><th></th><th>File</th><th>What came of it</th><th>State</th></tr></thead><tbody>{''.join(rows)}"
        "</tbody></table></body></html>\n"
    )


def _failures(lines: Sequence[Line]) -> str:
    reasons = Counter(line.problem for line in lines if line.state == "failed")
    if not reasons:
        return ""
    items = "".join(f"<li>{count} x {escape(reason)}</li>" for reason, count in reasons.most_common(20))
    return f"<h2>What went wrong</h2><ul>{items}</ul>"


def _row(line: Line, picture: str) -> str:
    problem = f'<div class="problem">{escape(line.problem)}</div>' if line.problem else ""
    took = f" in {line.seconds:.1f} s" if line.seconds is not None else ""
    return (
        f'<tr><td class="pictures">{picture}</td><td><div class="name">{escape(Path(line.source).name)}</div>'
        f'<div class="soft">{escape(str(Path(line.source).parent))}</div></td>'
        f'<td><div class="name">{escape(Path(line.result).name)}</div>'
        f'<div class="soft">{escape(_facts(line.facts))}</div>{problem}</td>'
        f"<td>{escape(line.state)}<span class='soft'>{took}</span></td></tr>"
    )


def _facts(facts: Mapping[str, Value]) -> str:
    told = ((name.replace("_", " "), value) for name, value in facts.items() if value not in (None, ""))
    return ", ".join(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in told)
