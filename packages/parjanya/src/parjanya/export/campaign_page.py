"""The before/after report of a campaign as one HTML page that needs nothing else: no script, no network, thumbnails within.

Caller: ``campaign show --html``. Its input is the JSON of that command, and the thumbnails of the examples in it. Every text
passes ``_text``: file names and reasons were written by strangers.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from parjanya.export.record import readable

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--keep:#2a7d46;--review:#a06a00;--reject:#b3362c}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:1rem 0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0 0 1rem}
th,td{border:1px solid var(--line);padding:.3rem .7rem;text-align:right}
table.words th,table.words td{text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
td.same{background:var(--soft)}td.none{opacity:.4}
article{border-top:1px solid var(--line);padding:.6rem 0;display:flex;gap:1rem}article p{margin:.1rem 0;overflow-wrap:anywhere}
article img{width:9rem;max-height:9rem;object-fit:contain;flex:none;align-self:flex-start}
code{font-size:.92em}.keep{color:var(--keep)}.review{color:var(--review)}.reject,.failed{color:var(--reject)}
.note{opacity:.75}
@media (prefers-color-scheme:dark){:root{--keep:#6fce8d;--review:#e2ab45;--reject:#f0867c}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

Thumbnails = Mapping[tuple[str, str], bytes]
"""JPEGs made by this program, by tenant and image id."""


def page(
    told: Mapping[str, Any], grades: Sequence[str], when: Mapping[str, str], thumbnails: Thumbnails | None = None
) -> str:
    """The page.

    Args:
        told: what ``campaign show --json`` prints.
        grades: names of grades, in the order in which people read them.
        when: times of *told* in words, by name: ``created``, and ``finished`` if it is.
        thumbnails: of the examples; one that is missing is left out.
    """
    report = told["report"]
    title = f"Campaign {told['id']}: {told['kind']} from {told['stage']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(title)}</h1>",
        f'<p class="note">{_text(_headline(told))}</p>',
        _facts(told, when),
        "<h2>Before and after</h2>",
        _flips(report["flips"], grades),
        '<p class="note">Rows: before. Columns: after. Shaded: unchanged.</p>',
        *_policies(report),
        "<h2>By tenant</h2>",
        _tenants(report["before"], report["after"], grades),
        "<h2>Examples of what changed</h2>",
        *(_example(example, thumbnails or {}) for example in report["examples"]),
        "" if report["examples"] else '<p class="note">None so far.</p>',
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(value: object) -> str:
    """*value* as text that HTML takes literally, in element and attribute alike."""
    text = readable(str(value))
    return escape("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text), quote=True)


def _headline(told: Mapping[str, Any]) -> str:
    counts, report = told["counts"], told["report"]
    total = told["total"] if told["total"] is not None else "an unknown number of"
    words = f"{told['state']}: {counts['looked']} of {total} images looked at, {counts['matched']} matched, "
    words += f"{counts['reset']} reset"
    return words + (f"; {report['unsettled']} of them are still being worked on" if report["unsettled"] else "")


def _facts(told: Mapping[str, Any], when: Mapping[str, str]) -> str:
    rows = {
        "Reason": told["reason"],
        "Who": told["who"],
        "Which images": told["selector"] or "all",
        "Tenant": told["tenant"] or "all",
        "Began": when["created"],
        "Finished": when.get("finished", "not yet"),
        "Problem": told["problem"],
    }
    lines = (f"<dt>{_text(name)}</dt><dd><bdi>{_text(value)}</bdi></dd>" for name, value in rows.items() if value)
    return f"<dl>{''.join(lines)}</dl>"


def _flips(flips: Mapping[str, Mapping[str, int]], grades: Sequence[str]) -> str:
    shown = [
        g for g in grades if g in ("keep", "review", "reject") or g in flips or any(g in row for row in flips.values())
    ]
    rows = []
    for old in shown:
        counts = [(new, flips.get(old, {}).get(new, 0)) for new in shown]
        cells = "".join(f'<td class="{_kind(old, new, count)}">{count}</td>' for new, count in counts)
        rows.append(f"<tr><td>{_grade(old)}</td>{cells}</tr>")
    return _table(["before ↓ after →", *shown], rows)


def _kind(old: str, new: str, count: int) -> str:
    return " ".join(name for name, holds in (("same", old == new), ("none", not count)) if holds)


def _policies(report: Mapping[str, Any]) -> list[str]:
    """Which policies decided, which rules differ between them, and how many verdicts each rule changed."""
    sides = [(side, one) for side in ("before", "after") for one in report["policies"][side]]
    if not sides:
        return []
    rows = [
        f"<tr><td>{_text(side)}</td><td><bdi>{_text(one['policy'])}</bdi></td><td><bdi>{_text(one['tag'])}</bdi></td>"
        f"<td><code>{_text(one['version'])}</code></td><td>{one['images']}</td></tr>"
        for side, one in sides
    ]
    parts = ["<h2>Policies</h2>", _table(["", "policy", "called", "version", "images"], rows, words=True)]
    for change in report.get("policy_changes", []):
        parts += _change(change)
    if report["by_rule"]:
        counted = [
            f"<tr><td><code>{_text(code)}</code></td><td>{_changed(flips)}</td></tr>"
            for code, flips in report["by_rule"].items()
        ]
        parts += ["<h2>By rule</h2>", _table(["rule", "changed"], counted)]
    return parts


def _changed(flips: Mapping[str, Mapping[str, int]]) -> str:
    pairs = [(old, new, count) for old, news in flips.items() for new, count in news.items()]
    return ", ".join(f"{_grade(old)} → {_grade(new)}: {count}" for old, new, count in pairs)


def _change(change: Mapping[str, Any]) -> list[str]:
    """The rules that differ between two policies."""
    if change.get("problem"):
        return [f'<p class="note">{_text(change["problem"])}</p>']
    rows = []
    for rule in change["rules"]:
        sides = [_said(rule[side]) for side in ("before", "after")]
        names = f"<code>{_text(rule['rule'])}</code> {_text(rule['what'])}"
        rows.append(f"<tr><td>{names}</td><td>{sides[0]}</td><td>{sides[1]}</td></tr>")
    for name, (old, new) in change["constants"].items():
        shown = ("" if value is None else _text(value) for value in (old, new))
        rows.append(
            f"<tr><td>constant <code>{_text(name)}</code></td><td>{next(shown)}</td><td>{next(shown)}</td></tr>"
        )
    return [_table(["what differs", "before", "after"], rows, words=True)] if rows else []


def _said(rule: Mapping[str, Any] | None) -> str:
    return "" if rule is None else f"{_grade(rule['verdict'])} <code>{_text(rule['when'])}</code>"


def _tenants(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]], grades: Sequence[str]
) -> str:
    sides = (before, after)
    shown = [g for g in grades if any(g in counts for side in sides for counts in side.values())]
    rows = []
    for tenant in sorted({*before, *after}):
        cells = "".join(
            f"<td>{before.get(tenant, {}).get(g, 0)} → {after.get(tenant, {}).get(g, 0)}</td>" for g in shown
        )
        rows.append(f"<tr><td><bdi>{_text(tenant)}</bdi></td>{cells}</tr>")
    return _table(["tenant", *shown], rows)


def _table(head: Iterable[str], rows: Iterable[str], *, words: bool = False) -> str:
    """*words*: its cells are read, not compared."""
    heads = "".join(f"<th>{_text(name)}</th>" for name in head)
    kind = ' class="words"' if words else ""
    return f"<table{kind}><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _example(example: Mapping[str, Any], thumbnails: Thumbnails) -> str:
    before, after = example["before"], example["after"]
    thumbnail = thumbnails.get((example["tenant"], example["id"]))
    picture = ""
    if thumbnail is not None:
        data = base64.b64encode(thumbnail).decode("ascii")
        picture = f'<img alt="{_text(example["path"])}" src="data:image/jpeg;base64,{data}">'
    return (
        f"<article>{picture}<div><p>{_grade(before['grade'])} → {_grade(after['grade'])} "
        f"<code><bdi>{_text(example['path'])}</bdi></code></p>{_side('before', before)}{_side('after', after)}</div></article>"
    )


def _side(name: str, side: Mapping[str, Any]) -> str:
    return "".join(
        f'<p class="note">{_text(name)}: <code>{_text(reason["code"])}</code> {_text(reason["text"])}</p>'
        for reason in side["reasons"]
    )


def _grade(name: str) -> str:
    return f'<b class="{_text(name)}">{_text(name)}</b>'
