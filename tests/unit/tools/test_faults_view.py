"""Stores are compared but for what a lost tail changes in a rebuilt one, and for nothing else."""

import hashlib

import pytest

from stafett_faults.history import Cut, Entry, Run
from stafett_faults.run import View


def entry(record, offset, child="ch-a"):
    digest = hashlib.sha256(record).hexdigest()
    return Entry("stafett.log", 3, offset, 0, "", "", child, f"cases/{child}", 1, digest)


def put(record, offset, ms):
    return offset.to_bytes(8, "big") + ms.to_bytes(8, "big") + record


KEY = "disclosure:{p03}:in:ch-a"
AS_IT_WAS = [put(b"one", 1, 10), put(b"two", 2, 20), put(b"three", 3, 30)]


@pytest.mark.parametrize(
    ("places", "after", "same"),
    [
        # At its own place: another time, of what was cut alone.
        ((1, 2, 3), [put(b"one", 1, 10), put(b"two", 2, 20), put(b"three", 3, 99)], True),
        ((1, 2, 3), [put(b"one", 1, 10), put(b"two", 2, 99), put(b"three", 3, 30)], False),
        ((1, 2, 3), [put(b"one", 1, 10), put(b"two", 2, 20), put(b"three", 4, 30)], False),
        ((1, 2, 3), [put(b"one", 1, 10), put(b"two", 2, 20)], False),
        # Behind another one, which has its place now.
        ((1, 3, 4), [put(b"one", 1, 10), put(b"three", 4, 99), put(b"two", 3, 20)], True),
        ((1, 3, 4), [put(b"one", 1, 10), put(b"three", 4, 99)], False),
        ((1, 3, 4), [put(b"one", 1, 10), put(b"three", 4, 99), put(b"four", 3, 20)], False),
    ],
)
def test_what_came_back_has_another_time_and_what_moved_another_place(places, after, same):
    log = [entry(record, place) for record, place in zip((b"one", b"two", b"three"), places, strict=True)]
    view = View(Run(log=log, cuts=[Cut(40, (entry(b"three", 3),))]))
    assert (view.of({KEY: AS_IT_WAS}) == view.of({KEY: after})) is same
    assert view.of({"disclosure:{p03}:own:ch-a": AS_IT_WAS}) == {"disclosure:{p03}:own:ch-a": AS_IT_WAS}
