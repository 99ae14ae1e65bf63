"""Live streams: what one copy writes reaches who watches at another; who may not see it any more is told nothing; a copy
that stops hands its streams over without a gap."""

import threading

import grpc
import pytest
from direct import AGAIN, HEALTH_STATION, MACHINES, NOT_YET, PPT, TEACHER, Direct, metric

from stafett_stack.procs import wait_until
from stafett_story.api import message_class
from stafett_story.calls import as_values, build, refusal_of
from stafett_story.steinkjer import NURSE

SECONDS = 30


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2), patience=60.0) as direct:
        yield direct


class Watched:
    """A stream at one copy, read by a thread of its own."""

    def __init__(self, direct, copy, call, who, **values):
        rpc = direct.api.rpcs[call]
        self.said = []
        self.refusal = None  # how it ended
        self._channel = grpc.insecure_channel(copy.address, options=[("grpc.use_local_subchannel_pool", 1)])
        stub = self._channel.unary_stream(
            rpc.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_class(rpc.response).FromString,
        )
        self._call = stub(build(rpc, values), metadata=direct.credentials.metadata(who), timeout=300)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        try:
            for message in self._call:
                self.said.append(as_values(message))
        except grpc.RpcError as error:
            self.refusal = refusal_of(error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call.cancel()
        self._thread.join(SECONDS)
        self._channel.close()

    def wait(self, count):
        wait_until(lambda: len(self.said) >= count or self.refusal, f"{count} messages", SECONDS)
        assert self.refusal is None, self.refusal
        return self.said

    def end(self):
        wait_until(lambda: self.refusal, "the end of the stream", SECONDS)
        return self.refusal


def copies_of(direct, service):
    return direct.stack.of(service)


def only(direct, service, instance):
    """Calls of this service go to this copy alone."""
    others = [name for name, copy in direct.stack.services.items() if copy not in copies_of(direct, service)]
    direct.only(instance, *others)


def test_what_one_copy_writes_reaches_who_watches_at_the_other(direct):
    a, b = copies_of(direct, "cases")
    child = direct.child()
    with (
        Watched(direct, a, "cases.WatchCase", TEACHER, name=child.case) as at_a,
        Watched(direct, b, "cases.WatchCase", TEACHER, name=child.case) as at_b,
    ):
        first = at_a.wait(1)[0]
        assert at_b.wait(1)[0] == first == direct.call("cases.GetCase", TEACHER, name=child.case)
        only(direct, "cases", a.instance)
        for level in ("LEVEL_2", "LEVEL_3"):
            direct.call("cases.SetLevel", TEACHER, case=child.case, level=level, reason="Etter samtale.")
            for watched in (at_a, at_b):
                wait_until(lambda w=watched, n=level: w.said[-1]["level"] == n, f"{level} is told", SECONDS)
        direct.all_copies()
        for watched in (at_a, at_b):
            etags = [int(case["etag"]) for case in watched.said]
            assert etags == sorted(set(etags)), "each version once, and none after a later one"
        assert metric(b, "stafett_streams_open") == 1


def test_who_has_the_version_already_is_told_of_the_next_only(direct):
    a, _ = copies_of(direct, "cases")
    child = direct.child()
    etag = direct.call("cases.GetCase", TEACHER, name=child.case)["etag"]
    with Watched(direct, a, "cases.WatchCase", TEACHER, name=child.case, etag=etag) as watched:
        direct.note(child)
        assert int(watched.wait(1)[0]["etag"]) == int(etag) + 1


def test_whoever_loses_the_right_in_the_middle_is_told_what_a_stranger_is_told(direct):
    a, b = copies_of(direct, "cases")
    child = direct.child()
    direct.call("cases.AddParticipant", TEACHER, again=AGAIN | NOT_YET, case=child.case, recipient=HEALTH_STATION)
    with (
        Watched(direct, a, "cases.WatchCase", TEACHER, name=child.case) as at_a,
        Watched(direct, b, "cases.WatchCase", TEACHER, name=child.case) as at_b,
    ):
        at_a.wait(1)
        at_b.wait(1)
        only(direct, "cases", a.instance)
        direct.call("cases.OfferBaton", TEACHER, case=child.case, to=NURSE.person)
        direct.call("cases.AcceptBaton", NURSE, case=child.case, next_date="")
        direct.all_copies()
        refused = direct.ask("cases.GetCase", TEACHER, name=child.case).refusal
        for watched in (at_a, at_b):
            assert watched.end() == refused
            assert all(case["holder"] == TEACHER.person for case in watched.said)
    with Watched(direct, b, "cases.WatchCase", NURSE, name=child.case) as watched:
        assert watched.wait(1)[0]["holder"] == NURSE.person
    with Watched(direct, b, "cases.WatchCase", TEACHER, name=child.case.rpartition("/")[0] + "/ca-none") as watched:
        assert watched.end() == refused


def test_a_recipient_is_told_of_each_delivery_once_in_order_and_goes_on_at_another_copy(direct):
    a, b = copies_of(direct, "disclosure")
    child = direct.child()

    def listed():
        answer = direct.call("disclosure.ListDeliveries", MACHINES[PPT], page_size=200)
        assert answer["next"] == ""
        return [d["delivery_id"] for d in answer["deliveries"]]

    with Watched(direct, a, "disclosure.WatchDeliveries", MACHINES[PPT]) as at_a:
        before = len(at_a.wait(len(listed())))
        for n in range(3):
            direct.note(child, f"Notat {n}.")
        direct.settle()
        assert [d["delivery_id"] for d in at_a.wait(len(listed()))] == listed()
        assert len(at_a.said) >= before + 3
        after = at_a.said[1]["cursor"]
    with Watched(direct, b, "disclosure.WatchDeliveries", MACHINES[PPT], after=after) as at_b:
        assert [d["delivery_id"] for d in at_b.wait(len(listed()) - 2)] == listed()[2:]


def test_a_copy_that_stops_hands_its_streams_over_without_a_gap(direct):
    a, b = copies_of(direct, "disclosure")
    child = direct.child()
    watched = Watched(direct, a, "disclosure.WatchDeliveries", MACHINES[HEALTH_STATION])
    with watched:
        direct.note(child)
        watched.wait(2)
        a.stop()
        ended = watched.end()
    assert (ended.code, ended.reason) == ("UNAVAILABLE", "STOPPING")
    only(direct, "disclosure", b.instance)
    direct.note(child)
    answer = direct.call("disclosure.ListDeliveries", MACHINES[HEALTH_STATION], page_size=200)
    resume = watched.said[-1]["cursor"]
    with Watched(direct, b, "disclosure.WatchDeliveries", MACHINES[HEALTH_STATION], after=resume) as rest:
        wanted = len(answer["deliveries"])
        wait_until(lambda: len(watched.said) + len(rest.said) >= wanted, "the rest", SECONDS)
        told = [d["delivery_id"] for d in watched.said + rest.said]
    assert len(told) == len(set(told))
    assert told[:wanted] == [d["delivery_id"] for d in answer["deliveries"]]
    a.start()
    direct.all_copies()


def test_a_kill_is_noticed_and_the_version_that_was_had_is_not_told_again(direct):
    a, b = copies_of(direct, "cases")
    child = direct.child()
    with Watched(direct, a, "cases.WatchCase", TEACHER, name=child.case) as watched:
        etag = watched.wait(1)[0]["etag"]
        a.kill()
        assert watched.end().code == "UNAVAILABLE"
    only(direct, "cases", b.instance)
    with Watched(direct, b, "cases.WatchCase", TEACHER, name=child.case, etag=etag) as watched:
        direct.note(child)
        assert int(watched.wait(1)[0]["etag"]) == int(etag) + 1
    a.start()
    direct.all_copies()
