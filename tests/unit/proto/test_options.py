"""The options in proto/ (stafett/common/v1/options.proto): nothing on the log or before a recipient's
eyes is without a category, a type of its own, or a place in a graph that ends."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from google.protobuf import descriptor_pool  # noqa: E402

from stafett_story import api as api_  # noqa: E402

API = api_.load()
FILES = ("cases/v1/case_events", "consent/v1/consent_events", "disclosure/v1/ledger_events",
         "escalation/v1/escalation_events", "notifications/v1/notification_events")


def option(thing, name):
    return thing.GetOptions().Extensions[getattr(API.options, name)]


def events():
    for name in FILES:
        file = descriptor_pool.Default().FindFileByName(f"stafett/{name}.proto")
        yield from (m for m in file.message_types_by_name.values() if option(m, "event_type"))


EVENTS = sorted(events(), key=lambda m: m.full_name)
TYPES = {option(m, "event_type"): m for m in EVENTS}
by_name = pytest.mark.parametrize("event", EVENTS, ids=lambda m: m.name)


def without_category(message, seen=frozenset()):
    for field in message.fields:
        if field.message_type is None:
            if option(field, "category") == 0:
                yield f"{message.name}.{field.name}"
        elif field.message_type.full_name not in seen:
            yield from without_category(field.message_type, seen | {field.message_type.full_name})


def test_there_are_events():
    assert len(EVENTS) >= 22


@by_name
def test_every_field_has_a_category(event):
    assert list(without_category(event)) == []


@by_name
def test_the_type_is_the_messages_own_name(event):
    service = event.file.package.split(".")[1]
    kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", event.name).lower()
    assert option(event, "event_type") == f"no.stafett.{service}.{kebab}.v1"


def test_no_type_stands_twice():
    assert len(TYPES) == len(EVENTS)


@by_name
def test_only_events_of_cases_are_disclosable(event):
    """The cutter knows no others (services/disclosure/adapters/cut.cc)."""
    assert not option(event, "disclosable") or event.file.package == "stafett.cases.v1"


@by_name
def test_what_is_disclosable_names_its_case_first(event):
    """The recipient's own pseudonym stands there (fact_mapping.cc)."""
    if option(event, "disclosable"):
        assert event.fields[0].name == "case_id" and event.fields[0].number == 1


def test_triggers_are_known_and_end():
    graph = {type_: list(option(event, "triggers")) for type_, event in TYPES.items()}
    assert {t for targets in graph.values() for t in targets} <= set(TYPES)

    def walk(type_, path):
        assert type_ not in path, " -> ".join((*path, type_))
        for target in graph[type_]:
            walk(target, (*path, type_))

    for type_ in graph:
        walk(type_, ())


def test_the_engine_has_the_same_categories():
    header = (ROOT / "services" / "lib" / "policy" / "policy.h").read_text()
    names = re.findall(r"k(\w+)", re.search(r"enum class Category[^{]*\{([^}]*)\}", header)[1])
    upper = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in names]
    assert upper[0] == "NONE"
    assert upper[1:] == list(API.options.Category.keys())[1:]
    assert list(API.options.Category.values()) == list(range(len(upper)))
