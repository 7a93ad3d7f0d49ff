"""The parts of the review comment, each as whole items that can be left out from the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import review, summary
from reconciler.render.markdown.budget import Section
from reconciler.render.markdown.escape import code, fenced, html_code, one_line, prose, short
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS

Data = Mapping[str, Any]

NAME, SENTENCE, VALUE = 120, 300, 600
"""Characters of a name in a table, of a sentence, and of a value in a diff."""

FIELDS = 80
_TABLE = "| | Change | Fields | Why |\n|:-:|---|---|---|\n"


def sections(plan: Data) -> list[Section]:
    outside, declared = review.apart(plan)
    from_elsewhere, by_review = review.titles(plan)
    title = by_review if outside else "Changes"
    return [
        _guards(plan),
        _problems(plan),
        _table(prose(from_elsewhere), outside, 0.25),
        _table(title, declared, 0.35),
        _batches(plan),
        _details(outside + declared),
        _unknown(plan),
        _reports(plan),
    ]


def _guards(plan: Data) -> Section:
    refusals = sorted(plan.get("refusals", ()), key=lambda item: (bool(item.get("waiver")), item["code"]))
    ways = review.ways_past(plan)

    def rest(absent: Sequence[int]) -> str:
        return f"_{len(absent)} more refusals of guards are not listed here._"

    return Section("\n#### Guards\n\n", [_guard(item, ways) for item in refusals], rest, 0.1)


def _guard(refusal: Data, ways: Mapping[str, tuple[str, str]]) -> str:
    said = f"{code(refusal['code'])}: {prose(short(refusal['detail'], SENTENCE))}"
    if refusal.get("waiver"):
        return f"- `i` waived {said} (reason: {prose(short(refusal['waiver'], SENTENCE))})\n"
    names = refusal["addresses"]
    option, key = ways.get(refusal["code"], ("", ""))
    past = f". To let it pass: {code(option)}" + (f", or change {code(key)}" if key else "") if option else ""
    about = ", ".join(code(short(name, NAME)) for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"- `!` **refused** by {said}" + (f" ({about}{more})" if about else "") + past + "\n"


def _problems(plan: Data) -> Section:
    problems = sorted(summary.problems(plan), key=lambda item: (item["severity"] != "error", item["address"]))

    def rest(absent: Sequence[int]) -> str:
        return f"_{len(absent)} more problems are not listed here._"

    return Section("\n#### Problems\n\n", [_problem(item) for item in problems], rest, 0.1)


def _problem(item: Data) -> str:
    places = [code(short(text, NAME)) for text in (item["address"], review.place(item["position"])) if text]
    about = f" ({', '.join(places)})" if places else ""
    said = (
        f"- **{item['severity']}: {prose(short(item['summary'], NAME))}**{about}: {prose(short(item['detail'], 600))}"
    )
    lines = [clean(line) for line in short(item["fix"], VALUE).splitlines()]
    if len(lines) == 1:
        return f"{said} Fix: {prose(lines[0])}\n"
    block = fenced("text", lines).replace("\n", "\n  ") if lines else ""
    return f"{said}\n" + (f"\n  {block}\n" if block else "")


def _table(title: str, changes: Sequence[Data], share: float) -> Section:
    def rest(absent: Sequence[int]) -> str:
        left = [changes[index] for index in absent]
        return f"_{len(left)} of these {len(changes)} changes are not listed here: {review.tally(left)}._"

    return Section(f"\n#### {title}\n\n{_TABLE}", [_row(change) for change in changes], rest, share)


def _row(change: Data) -> str:
    action = ACTIONS[change["action"]]
    name = code(short(change["address"], NAME))
    return f"| `{review.symbol(change).sign}` | {action.verb} {name} | {_paths(change)} | {_why(change)} |\n"


def _paths(change: Data) -> str:
    paths = review.differing(change)
    shown = ", ".join(code(short(path, 40)) for path in paths[:3]) or review.fields_text(change)
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown


def _why(change: Data) -> str:
    if change["blocked"]:
        return f"**blocked:** {prose(short(change['blocked'], SENTENCE))}"
    return _cause(change) + (f" ({len(change['disrupts'])} not served meanwhile)" if change["disrupts"] else "")


def _cause(change: Data) -> str:
    said = prose(short(review.why(change["cause"]), SENTENCE))
    where = review.said_at(review.where_said(change))
    return f"{said} {code(short(where, NAME))}" if where else said


def _batches(plan: Data) -> Section:
    batches = review.batches(plan)

    def rest(absent: Sequence[int]) -> str:
        return f"_{len(absent)} more batches are not listed here._"

    items = [f"{number}. {_names(batch)}\n" for number, batch in enumerate(batches, 1)]
    return Section(f"\n#### {review.batches_title(batches)}\n\n", items, rest, 0.05)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(code(short(name, NAME)) for name in names[:8]) + more


def _details(changes: Sequence[Data]) -> Section:
    def rest(absent: Sequence[int]) -> str:
        shown = len(changes) - len(absent)
        return f"_Details of {shown} of {len(changes)} changes fit in here; the plan as JSON or HTML has all of them._"

    return Section("\n#### Details\n\n", [_detail(change) for change in changes], rest, 0.1, gaps=True)


def _detail(change: Data) -> str:
    action = ACTIONS[change["action"]]
    head = f"{html_code(review.symbol(change).sign)} {action.verb} {html_code(short(change['address'], NAME))}"
    size = review.fields_text(change)
    diff = [short(line, VALUE) for line in _diff(change)]
    parts = [f"<details><summary>{head}{': ' if size else ''}{size}</summary>", ""]
    parts += [fenced("diff", diff), ""] if diff else []
    return "\n".join([*parts, *_about(change), "</details>", "", ""])


def _diff(change: Data) -> Iterator[str]:
    """Lines that begin with what happens, so that none of them can end the block."""
    if change["blocked"]:
        yield f"! blocked: {clean(one_line(change['blocked']))}"
    for item in change["fields"][:FIELDS]:
        before, after = review.before_text(item), review.after_text(item)
        path = clean(item["path"])
        if items := review.item_lines(item):
            yield from (f"{'!' if sign == '~' else sign} {path}: {one_line(text)}" for sign, text in items)
            continue
        if before and change["action"] != "create":
            yield f"- {path}: {before}"
        if change["action"] != "delete":
            yield f"+ {path}: {after or 'null'}"
    if len(change["fields"]) > FIELDS:
        yield f"  ({len(change['fields']) - FIELDS} more fields)"


def _about(change: Data) -> Iterator[str]:
    yield f"- why: {_cause(change)}"
    for title, names in (("not served during the change", change["disrupts"]), ("waits for", change["depends_on"])):
        if names:
            yield f"- {title}: {_names(names)}"
    yield ""


def _unknown(plan: Data) -> Section:
    groups: dict[tuple[str, str], list[str]] = {}
    for item in plan.get("unknown", ()):
        groups.setdefault((item["address"], item["why"]), []).append(item["path"])
    found = sorted(groups.items())

    def rest(absent: Sequence[int]) -> str:
        fields = sum(len(found[index][1]) for index in absent)
        return f"_{fields} more fields that could not be observed are not listed here._"

    items = [_hidden(address, why, sorted(paths)) for (address, why), paths in found]
    return Section("\n#### Not observable\n\n", items, rest, 0.05)


def _hidden(address: str, why: str, paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 8} more" if len(paths) > 8 else ""
    fields = ", ".join(code(short(path, 40)) if path != "*" else "everything" for path in paths[:8])
    return f"- `?` {code(short(address, NAME))}: {fields}{more} ({prose(short(why, SENTENCE))})\n"


def _reports(plan: Data) -> Section:
    folded = review.undeclared(plan)
    shown = review.without(plan.get("reports", ()), folded)
    found = sorted(shown, key=lambda item: (item["address"], item["code"], item["detail"]))

    def rest(absent: Sequence[int]) -> str:
        return f"_{len(absent)} more reports are not listed here._"

    items = [f"- `i` {code(short(item['address'], NAME))}: {prose(short(_told(item), SENTENCE))}\n" for item in found]
    items += [f"- `i` {review.undeclared_text(folded)}; the plan as JSON or HTML lists them.\n"] if folded else []
    return Section("\n#### Reports\n\n", items, rest, 0.05)


def _told(item: Data) -> str:
    return " ".join(f"{item['detail']} {item.get('fix', '')}".split())
