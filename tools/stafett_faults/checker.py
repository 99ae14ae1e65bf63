"""The invariants, by the names of the project's list. Each looks at a Run (history.py) and says how many things it
looked at and which were wrong. No server, no clock: what a test makes up is checked the same way.

What a lost Redis disk takes with it is known (README, "What is not there yet"); it is counted as `known`, not as
wrong, and only near the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stafett_faults import promised, stored, told
from stafett_faults.history import Run
from stafett_faults.oracle import Oracle
from stafett_faults.seen import Finding, Seen

INVARIANTS: Mapping[str, Callable[[Seen, Finding], None]] = {
    "NoAckedLoss": promised.no_acked_loss,
    "NoStoredLoss": promised.no_stored_loss,
    "NoPhantom": promised.no_phantom,
    "OneEffect": promised.one_effect,
    "Contiguous": stored.contiguous,
    "TailRepaired": stored.tail_repaired,
    "NoGarbage": stored.no_garbage,
    "SignalsInOrder": told.signals_in_order,
    "OutboxEqualsState": stored.outbox_equals_state,
    "RebuildEqual": stored.rebuild_equal,
    "NoLeak": told.no_leak,
    "NoWithheldLoss": told.no_withheld_loss,
    "Fence": told.fence,
    "FetchNow": told.fetch_now,
    "NoFalseReceipt": told.no_false_receipt,
    "NoReceiptLoss": told.no_receipt_loss,
    "TimerOnce": stored.timer_once,
    "NeverEarly": stored.never_early,
    "ToldOnce": stored.told_once,
    "BoundedBacklog": promised.bounded_backlog,
    "NoCrossTalk": promised.no_cross_talk,
    "FailClosed": told.fail_closed,
    "ConfigGuard": promised.config_guard,
}
# What only a fault of that kind gives anything to look at.
ABOUT = {"TailRepaired": "cut log", "FailClosed": "poison a child", "ConfigGuard": "unsafe setting"}
# Of the list, and not looked at here.
ELSEWHERE = {
    "NoSideChannel": "wants two histories: tests/e2e/test_leaks.py; times are not compared",
    "AclExact": "tests/e2e/test_acl_matrix.py",
    "ErasureHolds": "no call erases a child yet",
}


def check(run: Run, oracle: Oracle) -> list[Finding]:
    seen = Seen(run, oracle)
    findings = []
    for name, invariant in INVARIANTS.items():
        finding = Finding(name)
        invariant(seen, finding)
        if not finding.checked and not finding.violations and not finding.not_checked:
            finding.not_checked = "nothing to look at happened"
            finding.not_tried = name in ABOUT and ABOUT[name] not in {fault.kind for fault in run.faults}
            if finding.not_tried:
                finding.not_checked = f"no {ABOUT[name]} in this run"
        findings.append(finding)
    return findings


def violations(findings: Sequence[Finding]) -> int:
    return sum(len(finding.violations) for finding in findings)
