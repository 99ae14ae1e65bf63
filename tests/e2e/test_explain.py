"""Every decision can be asked about by the officer who may list it, and by nobody else (promise P7).

The houses' files are copies of deploy/controllers, with a disclosure officer at the hospital trust too.
"""

import json
import shutil
import subprocess
from collections import Counter

import pytest
import yaml
from changed_rules import no_educ, rules_with, with_categories
from direct import HEALTH_STATION, LEDGER, MACHINES, OFFICER, PPT, TEACHER, Child, Direct, Refused
from durable import digest
from playing import read_story

from stafett_stack.paths import CONTROLLERS, POLICY
from stafett_stack.procs import wait_until
from stafett_story.load import Actor
from stafett_story.stage import Stage
from stafett_story.steinkjer import NURSE

TRUSTS_OFFICER = Actor("trust's officer", "bup-record-system", "p-r6n2vd")
MOTHER = Actor("mother", "koordinering-record-system", "p-explain-mother", guardian=True)


class House:
    def __init__(self, stack, direct, files):
        self.stack, self.direct, self.files = stack, direct, files
        self.result = None
        self.child = ""  # as the officer's service names it
        self.number = ""

    def rows(self, who=OFFICER, child=None):
        found, token = [], ""
        while True:
            page = self.direct.call("disclosure.ListDecisions", who, child=child or self.child, page_size=7,
                                    page_token=token)  # fmt: skip
            found += page["decisions"]
            token = page["next_page_token"]
            if not token:
                return found

    def explain(self, row, who=OFFICER, child=None, **other):
        asked = {key: row[key] for key in ("event_id", "recipient", "decision_id")} | other
        return self.direct.call("disclosure.Explain", who, again=set(), child=child or self.child, **asked)

    def refusal(self, row, who=OFFICER, child=None, **other):
        with pytest.raises(Refused) as refused:
            self.explain(row, who, child, **other)
        refusal = refused.value.refusal
        return refusal.code, refusal.reason, refusal.message, refusal.fields, json.dumps(dict(refusal.metadata))

    def named_by(self, who):
        """The child as this person's service names it."""
        return self.direct.call("cases.RegisterChild", who, national_number=self.number, name="Noen")["child"]


@pytest.fixture(scope="module")
def house(new_stack, stack_directory):
    files = stack_directory / "explain-controllers"
    shutil.copytree(CONTROLLERS, files)
    change(files / "helse-nord-trondelag.yaml", lambda trust: trust["recipients"][0]["units"][0]["people"].append(
        {"id": TRUSTS_OFFICER.person, "name": "Ingvarda Skjevlehaugen", "role": "DISCLOSURE_OFFICER"}
    ))  # fmt: skip
    stack = new_stack(controllers=files)
    with Direct(stack) as direct, Stage(stack, read_story()) as stage:
        house = House(stack, direct, files)
        player = stage.player()
        house.result = player.play()
        assert house.result.failure == ""
        house.child = player.values["child-for-officer"]
        house.number = stage.story.number("mina")
        yield house


def change(file, how):
    document = yaml.safe_load(file.read_text())
    how(document)
    file.write_text(yaml.safe_dump(document, allow_unicode=True))


def check(row, answer):
    """The row itself, made again with the same result, and the law for every part of it."""
    now = {"state": answer["decision"]["state"]}  # a recipient may have come further meanwhile
    assert answer["decision"] == row | now
    assert answer["same_again"], row
    assert answer["policy_hash"]
    shown = [line for line in answer["lines"] if line["outcome"] == "shown"]
    assert sorted(line["category"] for line in shown) == sorted(row["fields"]), row
    for line in shown:
        assert line["rule"] and line["statute"] and line["basis"] and line["consent"], (row, line)
    assert any(line["rule"] == row["rule"] and line["statute"] for line in answer["lines"]), (row, answer["lines"])
    if row["consents"]:
        assert {line["consent"] for line in shown} == set(row["consents"]), row


def test_the_officer_is_told_why_of_every_row(house):
    rows = house.rows()
    assert len(rows) == len(house.result.decisions) > 20
    for row in rows:
        check(row, house.explain(row))
    assert {row["kind"] for row in rows} == {"EVENT", "SNAPSHOT", "RETRACTION"}
    # Of a note of which a part was told, the other part is explained as well.
    partly = [row for row in rows if row["event_type"].endswith("note-written.v1") and "HEALTHD" not in row["fields"]]
    outcomes = {line["outcome"] for row in partly for line in house.explain(row)["lines"]}
    assert any(outcome.startswith("withheld") for outcome in outcomes)


def test_a_retraction_names_the_law_and_the_consent(house):
    (row,) = [row for row in house.rows() if row["kind"] == "RETRACTION"]
    (line,) = house.explain(row)["lines"]
    assert (line["rule"], line["statute"]) == ("R3-04", "GDPR art 7(3)")
    assert row["recipient"] == PPT and line["consent"].startswith("co-")


def test_one_decision_needs_no_name(house):
    row = house.rows()[0]
    assert house.explain(row, decision_id="") == house.explain(row)


def test_nobody_else_is_told(house):
    """Another controller's officer, other people and machines: as if there were nothing."""
    row = house.rows()[0]
    no = house.refusal(row, TRUSTS_OFFICER, house.named_by(TRUSTS_OFFICER))
    assert no[:2] == ("PERMISSION_DENIED", "NOT_ALLOWED")
    assert house.refusal(row, TRUSTS_OFFICER) == no  # with the other officer's name of the child
    assert house.rows(TRUSTS_OFFICER, house.named_by(TRUSTS_OFFICER)) == []
    for who in (TEACHER, NURSE):
        assert house.refusal(row, who, house.named_by(who)) == no
        assert house.refusal(row, who) == no
    assert house.refusal(row, MOTHER) == no
    # A machine speaks for nobody: refused before anything is looked for.
    for machine in (MACHINES[PPT], Actor("officer's", OFFICER.client)):
        refused = house.refusal(row, machine)
        assert refused[:2] == ("UNAUTHENTICATED", "ATTESTATION_REQUIRED")
        assert house.refusal({"event_id": "ev-none", "recipient": "r-none", "decision_id": ""}, machine) == refused


def test_what_does_not_exist_and_what_is_somebody_elses_are_one_answer(house):
    row = house.rows()[0]
    other = house.direct.register()
    others_name = house.direct.officers_name_of(other)
    no = house.refusal(row, TEACHER)
    assert house.refusal(row, event_id="ev-none") == no
    assert house.refusal(row, recipient="r-none") == no
    assert house.refusal(row, decision_id="dc-none") == no
    assert house.refusal(row, child=others_name) == no
    assert house.refusal(row, child=other.name) == no  # the school's name of it
    assert house.refusal(row, child=house.child[:-2] + "xx") == no


# ---- what other rules would have told (--simulate) ---------------------------------------------------------------------


class Simulated:
    def __init__(self, stack, file):
        (copy,) = stack.of("disclosure")
        done = subprocess.run([copy.binary(), "--config", copy.config_file, "--simulate", file],
                              capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        self.code, self.out, self.errors = done.returncode, done.stdout, done.stderr
        # delivery -> sign, recipient, and what it would have: before, after
        self.changes, self.told = {}, {}
        for line in self.out.splitlines():
            words = line.split()
            if words[0] in ("-", "+", "~"):
                sign, delivery, recipient, _, _, *told = words
                self.changes[delivery] = (sign, recipient, [set(each.split("|")) for each in told[0::4]])
            elif words[0].startswith("r-"):
                self.told[words[0]] = int(words[1])


def what_is_kept(house):
    """Of disclosure, in Redis and on Kafka, once nothing more comes."""
    house.direct.settle()
    signals = {recipient: len(house.direct.signals(recipient)) for recipient in (PPT, HEALTH_STATION)}
    return digest(house.stack.redis.client(), "disclosure"), house.direct.ends(), house.direct.ends(LEDGER), signals


def told_rows(house):
    return [row for row in house.rows() if row["delivery_id"]]


def test_by_the_same_rules_nobody_would_see_more_or_less(house):
    before = what_is_kept(house)
    same = Simulated(house.stack, POLICY)
    assert (same.code, same.changes, same.errors) == (0, {}, "")
    assert same.told == Counter(row["recipient"] for row in told_rows(house))
    assert "nobody would see more or less" in same.out
    assert what_is_kept(house) == before  # it has written nothing


def test_without_a_row_exactly_the_deliveries_that_it_allowed_are_listed(house, tmp_path):
    without = rules_with(tmp_path / "rules.yaml", lambda rows: [row for row in rows if row["id"] != "T062"])
    fewer = Simulated(house.stack, without)
    assert fewer.code == 3 and not fewer.errors
    allowed = {row["delivery_id"]: ("-", row["recipient"], [set(row["fields"])])
               for row in told_rows(house) if row["rule"] == "T062"}  # fmt: skip
    assert len(allowed) > 5
    assert fewer.changes == allowed


def test_a_row_that_allows_less_is_seen_in_what_would_be_left(house, tmp_path):
    less = Simulated(house.stack, rules_with(tmp_path / "rules.yaml", no_educ))
    assert less.code == 3 and not less.errors
    rows = {row["recipient"]: row for row in told_rows(house) if row["rule"] == "T020" and "EDUC" in row["fields"]}
    assert set(rows) == {PPT, HEALTH_STATION}
    fields = {recipient: set(row["fields"]) for recipient, row in rows.items()}
    # The concern in the same note is the health station's too; PPT would see no section of it, so nothing at all.
    assert less.changes == {
        rows[PPT]["delivery_id"]: ("-", PPT, [fields[PPT]]),
        rows[HEALTH_STATION]["delivery_id"]: ("~", HEALTH_STATION, [fields[HEALTH_STATION], fields[HEALTH_STATION] - {"EDUC"}]),
    }


def test_a_row_that_allows_more_is_seen_before_anybody_is_told(house, tmp_path):
    """What a health service writes about school: to PPT, whose consent has it, and not to the school, whose has not."""
    more = with_categories("T062", lambda categories: categories.append("EDUC"))
    seen = Simulated(house.stack, rules_with(tmp_path / "rules.yaml", more))
    assert seen.code == 3, seen.errors
    ((sign, recipient, (before, after)),) = seen.changes.values()
    assert (sign, recipient) == ("~", PPT)
    assert after == before | {"EDUC"}


def test_rules_that_are_refused_are_not_simulated(house, tmp_path):
    without = rules_with(tmp_path / "rules.yaml", lambda rows: [row for row in rows if row["id"] != "T002"])
    refused = Simulated(house.stack, without)
    assert (refused.code, refused.out) == (2, "")
    assert f"{without}:" in refused.errors and "T002" in refused.errors


def test_other_files_change_nothing_that_was_decided(house):
    """PPT becomes another kind of service: from its activation on, and not before."""
    before = house.rows()
    told = {row["policy_hash"] for row in map(house.explain, before)}

    def other_kind(town):
        (ppt,) = [r for r in town["recipients"] if r["id"] == PPT]
        assert ppt["agency"] == "PPT"
        ppt["agency"] = "NAV_K"

    change(house.files / "steinkjer.yaml", other_kind)
    for service in house.stack.of("disclosure"):
        service.stop()
    house.direct.register()
    behind = Simulated(house.stack, POLICY)
    assert (behind.code, behind.changes) == (1, {}) and "has not taken all of the log" in behind.errors
    for service in house.stack.of("disclosure"):
        service.begin_start()
    for service in house.stack.of("disclosure"):
        service.wait_ready()

    after = house.rows()
    assert after == before
    for row in after:
        check(row, house.explain(row))
    # From its record on the new version decides: no rule lets a school tell NAV.
    child = house.direct.child((HEALTH_STATION,))
    name = house.direct.officers_name_of(child)

    def in_force():
        house.direct.note(child)
        house.direct.settle()
        return house.explain(house.rows(child=name)[-1], child=name)["policy_hash"] not in told

    wait_until(in_force, "the new version is in force", 30)
    house.direct.consent(Child(child.name, child.mother, child.number), (PPT,))
    house.direct.note(child)
    house.direct.settle()
    rows = house.rows(child=name)
    assert {row["verdict"] for row in rows if row["recipient"] == HEALTH_STATION} == {"DISCLOSE"}
    of_ppt = [row for row in rows if row["recipient"] == PPT]
    assert {row["verdict"] for row in of_ppt} == {"WITHHOLD"}
    for row in rows:
        answer = house.explain(row, child=name)
        check(row, answer)
        assert row["recipient"] != PPT or answer["policy_hash"] not in told
    # Decided again by the rules of today, everything is as the ledger has it, under either version of the files.
    same = Simulated(house.stack, POLICY)
    assert (same.code, same.changes, same.errors) == (0, {}, "")
