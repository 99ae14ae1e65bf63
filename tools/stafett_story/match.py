"""Compares what a story expects with what came. Every function gives the differences as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stafett_story.load import ANY, NONE, RETRACTION, Escalates, Item, Mails
from stafett_story.told import Escalated, Mailed

# Shown with every item and with nothing else to say: an item of which anything is shown tells that
# the case exists and whose it is.
ALWAYS = frozenset({"EXIST", "IDENT"})


@dataclass(frozen=True)
class Seen:
    """What a recipient's program had of one delivery, all in all."""

    delivery_id: str
    event: str  # "note-written"; "retraction"; "" if it was signalled and the content refused
    fields: frozenset[str] = frozenset()
    rule: str = ""
    origin: str = ""
    child: Mapping[str, object] = field(default_factory=dict)
    content: Mapping[str, object] = field(default_factory=dict)
    refused: str = ""  # "FAILED_PRECONDITION/WITHDRAWN"
    problem: str = ""  # what its program found wrong (digest, sequence)

    def __str__(self) -> str:
        if self.refused:
            return f"a signal whose content was refused ({self.refused})"
        fields = ", ".join(sorted(self.fields - ALWAYS))
        return f"{self.event} ({fields})" if fields else self.event


def differences(expected: object, actual: object, where: str) -> list[str]:
    """`expected` may say less than `actual` has; lists must have the same length."""
    if expected == ANY:
        return [] if actual not in (None, "", [], {}, False, 0, "0") else [f"{where} is empty"]
    if expected == NONE:
        return [f"{where} is {actual!r}, not empty"] if actual not in (None, "", [], {}) else []
    if isinstance(expected, Mapping):
        have = actual if isinstance(actual, Mapping) else {}
        parts = (differences(v, have.get(k), f"{where}.{k}".lstrip(".")) for k, v in expected.items())
        return [line for part in parts for line in part]
    if isinstance(expected, (list, tuple)):
        have = actual if isinstance(actual, Sequence) and not isinstance(actual, str) else []
        if len(expected) != len(have):
            return [f"{where} has {len(have)} entries, expected {len(expected)}: {list(have)!r}"]
        pairs = zip(expected, have, strict=True)
        parts = (differences(e, a, f"{where}[{i}]") for i, (e, a) in enumerate(pairs))
        return [line for part in parts for line in part]
    return [] if expected == actual else [f"{where} is {actual!r}, expected {expected!r}"]


def seen_differences(expected: Sequence[Item], seen: Sequence[Seen]) -> list[str]:
    """In order: a recipient sees one case's events in the order in which they happened."""
    problems = [f"{one}: {one.problem}" for one in seen if one.problem]
    if len(expected) != len(seen):
        want = ", ".join(item.event for item in expected) or "nothing"
        have = ", ".join(str(one) for one in seen) or "nothing"
        return [*problems, f"must see {want}; saw {have}"]
    for item, one in zip(expected, seen, strict=True):
        problems += _item_differences(item, one)
    return problems


def escalation_differences(
    expected: Sequence[Escalates], told: Sequence[Escalated], ids: Mapping[str, str]
) -> list[str]:
    """In any order: what is awaited of two services is independent. `ids`: by alias."""
    left = list(told)
    problems = []
    for one in expected:
        found = next(
            (t for t in left if (t.step, t.awaited) == (one.step, one.awaited)
             and (one.of is None or t.of == ids[one.of]) and (one.to is None or t.to == ids[one.to])),
            None,
        )  # fmt: skip
        if found is None:
            to = f" to {one.to}" if one.to else ""
            problems.append(f"line {one.line}: {one.awaited} was not {one.step}{to}")
        else:
            left.remove(found)
    return problems + [f"{t.awaited} was {t.step}{f' to {_alias(t.to, ids)}' if t.to else ''}, "
                       f"awaited of {_alias(t.of, ids)}, and is not named" for t in left]  # fmt: skip


def mail_differences(
    expected: Sequence[Mails],
    told: Sequence[Mailed],
    ids: Mapping[str, str],
    never: Iterable[str],
    *,
    may_repeat: bool = False,
) -> list[str]:
    """In any order. No mail may hold any of `never`, or come twice unless it `may_repeat`."""
    left = list(told)
    problems = []
    for one in expected:
        found = next((t for t in left if t.to == ids[one.to] and one.language in (None, t.language)), None)
        if found is None:
            language = f" in {one.language}" if one.language else ""
            problems.append(f"line {one.line}: no mail to {one.to}{language}")
            continue
        left.remove(found)
        problems += [f"the mail to {one.to} does not say {word!r}" for word in one.has if word not in found.text]
    for mail in told:
        to = _alias(mail.to, ids)
        problems += [f"the mail to {to} says {word!r}" for word in never if word in mail.text]
        if not mail.sent:
            problems.append(f"the mail to {to} was given up")
        elif mail.times < 1 or (mail.times > 1 and not may_repeat):
            problems.append(f"the mail to {to} was sent {mail.times} times")
    return problems + [f"a mail in {t.language or '?'} to {_alias(t.to, ids)} is not named" for t in left]


def _alias(id_: str, ids: Mapping[str, str]) -> str:
    return next((alias for alias, known in ids.items() if known == id_), id_)


def words(value: object) -> Iterator[str]:
    """Every text in a content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from words(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from words(part)


def _item_differences(item: Item, seen: Seen) -> list[str]:
    if item.event != seen.event:
        return [f"must see {item.event}; saw {seen}"]
    if item.event == RETRACTION:
        return []
    problems = []
    if item.fields is not None:
        shown = seen.fields - (ALWAYS - item.fields)
        if shown != item.fields:
            problems.append(f"fields are {_names(shown)}, expected {_names(item.fields)}")
    if item.sections is not None:
        shown_sections = [part.get("section_category") for part in seen.content.get("sections", ())]
        problems += differences(list(item.sections), shown_sections, "sections")
    if item.rule is not None and item.rule != seen.rule:
        problems.append(f"rule is {seen.rule or 'none'}, expected {item.rule}")
    text = "\n".join(words(seen.content))
    problems += [f"does not say {word!r}" for word in item.has if word not in text]
    problems += [f"says {word!r}" for word in item.has_not if word in text]
    problems += differences(item.content, seen.content, "")
    if item.child is not None:
        problems += differences(item.child, seen.child, "child")
    return [f"{item.event}: {problem}" for problem in problems]


def _names(categories: frozenset[str]) -> str:
    return ", ".join(sorted(categories)) or "none"
