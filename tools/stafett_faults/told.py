"""Invariants of what recipients were told, were shown and have stored."""

from __future__ import annotations

from collections import defaultdict

from stafett_faults.history import Signal
from stafett_faults.oracle import CARRIED, RETRACTION
from stafett_faults.seen import LANDS_MS, Finding, Seen, allowed, once


def signals_in_order(seen: Seen, out: Finding) -> None:
    """Each recipient is told of a case 1, 2, 3…, epochs never fall, and repeats are equal. A number is missing only
    where a signal was lost with Redis' disk."""
    by_case: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for signal in seen.run.signals:
        if seen.first_signals[signal.delivery_id].digest != signal.digest:
            out.violations.append(
                f"{signal.recipient}@{signal.offset} has other bytes than {signal.delivery_id} had before"
            )
    for signal in seen.first_signals.values():
        by_case[signal.recipient, signal.case_ref].append(signal)
    for (recipient, case), signals in by_case.items():
        last, epoch = 0, 0
        for signal in sorted(signals, key=lambda s: s.offset):
            out.checked += 1
            if signal.sequence <= last or signal.epoch < epoch:
                out.violations.append(
                    f"{recipient}@{signal.offset}: {case} {signal.sequence}/{signal.epoch} after {last}/{epoch}"
                )
            elif signal.sequence > last + 1:
                if seen.run.wiped_ms:
                    out.known += signal.sequence - last - 1
                else:
                    out.violations.append(
                        f"{recipient}@{signal.offset}: {case} {signal.sequence} where {last + 1} was due"
                    )
            last, epoch = max(last, signal.sequence), max(epoch, signal.epoch)


def no_leak(seen: Seen, out: Finding) -> None:
    """Whatever a recipient was signalled, or was shown, the oracle allows."""
    for signal in seen.first_signals.values():
        out.checked += 1
        delivery = seen.deliveries.get(signal.delivery_id)
        if delivery is None or delivery.recipient != signal.recipient:
            out.violations.append(f"{signal.recipient}@{signal.offset}: {signal.delivery_id} is not in the ledger")
        elif seen.may(delivery.key) is None:
            out.violations.append(f"{signal.recipient}@{signal.offset}: {delivery.kind} of {delivery.item}")
    for delivery in seen.deliveries.values():
        out.checked += 1
        told = seen.may(delivery.key)
        if told is not None and not delivery.fields <= told.fields:
            extra = sorted(delivery.fields - told.fields)
            out.violations.append(f"{delivery.recipient}: {delivery.item} with {extra}")
    for read in seen.run.reads:
        if read.refused:
            continue
        out.checked += 1
        may = allowed(seen, read.recipient, read.delivery_id)
        if may is None:
            out.violations.append(f"{read.recipient} fetched {read.delivery_id}, which is none of its")
        elif not read.shown | read.categories <= may.fields:
            extra = sorted((read.shown | read.categories) - may.fields)
            out.violations.append(f"{read.recipient} was shown {extra} of {may.item}")


def no_withheld_loss(seen: Seen, out: Finding) -> None:
    """Whatever the oracle allows was decided so, was signalled, and is listed."""
    decided = {delivery.key: delivery for delivery in seen.deliveries.values()}
    for told in seen.must:
        out.checked += 1
        delivery = decided.get(told.key)
        if delivery is None:
            out.violations.append(f"{told.recipient} was to be told {told.kind} of {told.item}; nobody decided so")
            continue
        if not told.fields <= delivery.fields:
            out.violations.append(f"{told.recipient}: {told.item} without {sorted(told.fields - delivery.fields)}")
        if delivery.id not in seen.first_signals:
            if seen.near_loss(delivery.appended_ms, LANDS_MS):
                out.known += 1
            else:
                out.violations.append(f"{told.recipient}: {delivery.kind} {delivery.id} was never signalled")
        if seen.run.listed is not None and delivery.id not in seen.run.listed.get(told.recipient, ()):
            out.violations.append(f"{told.recipient}: {delivery.kind} {delivery.id} is not listed")


def fence(seen: Seen, out: Finding) -> None:
    """By the topic's order: behind a retraction nothing new of an earlier epoch. By the broker's time: after ENFORCED
    nothing new that rests on that consent."""
    taken_back: dict[tuple[str, str], Signal] = {}
    for signal in sorted(seen.first_signals.values(), key=lambda s: s.offset):
        case = signal.recipient, signal.case_ref
        if case in taken_back and signal.epoch < taken_back[case].epoch:
            why = f"epoch {signal.epoch} behind retraction {taken_back[case].epoch}"
            out.violations.append(f"{signal.recipient}@{signal.offset}: {why}")
        if signal.kind == RETRACTION:
            out.checked += 1
            taken_back[case] = signal
    for (consent, recipient), ms in seen.enforced_ms.items():
        out.checked += 1
        for signal in seen.first_signals.values():
            if signal.recipient != recipient or signal.appended_ms <= ms:
                continue
            delivery = seen.deliveries.get(signal.delivery_id)
            if delivery is not None and consent in delivery.consents:
                out.violations.append(
                    f"{recipient}@{signal.offset}: rests on {consent}, {signal.appended_ms - ms} ms after ENFORCED"
                )


def fetch_now(seen: Seen, out: Finding) -> None:
    """A read that began after ENFORCED shows nothing that only that consent allowed."""
    for read in seen.run.reads:
        told = allowed(seen, read.recipient, read.delivery_id)
        if told is None:
            continue
        out.checked += 1
        ended = {
            c for c in told.may_rest_on if seen.enforced_ms.get((c, read.recipient), read.began_ms) < read.began_ms
        }
        live = [categories for consent, categories in told.may_rest_on.items() if consent not in ended]
        extra = read.shown - CARRIED - frozenset().union(*live)
        if not read.refused and (not live or extra):
            out.violations.append(
                f"{read.recipient} was shown {sorted(read.shown)} of {read.delivery_id}; ended: {sorted(ended)}"
            )


def no_false_receipt(seen: Seen, out: Finding) -> None:
    """The ledger says stored only where the recipient has stored just that."""
    kept = {(k.recipient, k.delivery_id): (k.record_ref, k.digest) for k in seen.run.kept}
    for entry in once(seen.run.ledger):
        if entry.type.endswith(".stored-confirmed.v1"):
            out.checked += 1
            said = entry.event.record_ref, entry.event.digest
            if kept.get((entry.event.recipient, entry.event.delivery_id)) != said:
                out.violations.append(
                    f"{entry.place}: {entry.event.recipient} has not stored {entry.event.delivery_id}"
                )


def no_receipt_loss(seen: Seen, out: Finding) -> None:
    """A confirmation that was taken is in the ledger, unless Redis' disk was lost."""
    said = {e.event.delivery_id for e in once(seen.run.ledger) if e.type.endswith(".stored-confirmed.v1")}
    for kept in seen.run.kept:
        if kept.confirmed:
            out.checked += 1
            if kept.delivery_id not in said:
                if seen.run.wiped_ms:
                    out.known += 1
                else:
                    out.violations.append(f"{kept.recipient}: {kept.delivery_id}")


def fail_closed(seen: Seen, out: Finding) -> None:
    """While something about a child stands on the log that nobody can read, nobody is told anything of that child, by
    signal or by Fetch; and others are."""
    child_of = {delivery.id: delivery.child for delivery in seen.deliveries.values()}
    for parked in seen.run.parked:
        out.checked += 1
        others = 0
        for signal in seen.first_signals.values():
            if not parked.from_ms < signal.appended_ms < parked.until_ms:
                continue
            others += 1
            if child_of.get(signal.delivery_id) == parked.child:
                out.violations.append(f"{signal.recipient}@{signal.offset}: told while its child was set aside")
        for read in seen.run.reads:
            if parked.from_ms < read.began_ms and read.ended_ms < parked.until_ms and not read.refused:
                out.checked += 1
                if child_of.get(read.delivery_id) == parked.child:
                    out.violations.append(f"{read.recipient} fetched {read.delivery_id} while its child was set aside")
        if not others:
            out.violations.append(f"nobody was told anything, of any child, from {parked.from_ms} to {parked.until_ms}")
