"""Rights at the broker, taken from a service for a while."""

from contextlib import contextmanager

from stafett_stack.rights import Right


@contextmanager
def without_right(kafka, principal, topic, operation):
    before = kafka.acls()
    right = Right(principal, "TOPIC", topic, operation)
    assert right in before
    kafka.set_acls(before - {right})
    try:
        yield
    finally:
        kafka.set_acls(before)
