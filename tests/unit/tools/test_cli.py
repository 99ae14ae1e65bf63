"""The command line: which call is which command, what its flags say, what is shown, and how it ends."""

import argparse
import io
import json
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from google.api import annotations_pb2
from google.protobuf import any_pb2, json_format
from stub import No, Stub

from stafett_cli import commands, completion, main, refusal, request, show
from stafett_cli.refusal import Wrong
from stafett_stack import issuer, services
from stafett_stack.procs import free_port
from stafett_story import api as api_

API = api_.load()
COMMANDS = commands.all_of(API)
# A new one belongs here, or gets an option google.api.http and so a command.
BETWEEN_SERVICES = {"disclosure.AwaitFence"}
CASE = "controllers/c-1/cases/k-1"
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)


def parsed(*words):
    return main.parser().parse_args(words)


def built(*words):
    arguments = parsed(*words)
    return request.build(arguments.command, arguments, API)


def values(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


# --- names ------------------------------------------------------------------------------------------


def test_every_public_call_has_a_command():
    reached = {command.rpc.name for command in COMMANDS.values()}
    receipts = {rpc.name for rpc in commands.receipts(API).values()}
    assert set(API.rpcs) - reached - receipts == BETWEEN_SERVICES
    assert receipts == {name for name in API.rpcs if name.endswith(".GetReceipt")}


def test_names_are_those_of_the_field():
    wanted = {
        "case get": "cases.GetCase", "case open-log": "cases.OpenLog", "case close": "cases.CloseCase",
        "child register": "cases.RegisterChild", "concern note": "cases.NoteConcern",
        "consent request": "consent.RequestConsent", "consent preview": "consent.Preview",
        "consent grant": "consent.Grant", "consent list": "consent.ListConsents",
        "withdrawal get": "consent.GetWithdrawal", "delivery list": "disclosure.ListDeliveries",
        "delivery fetch": "disclosure.Fetch", "decision list": "disclosure.ListDecisions",
        "decision explain": "disclosure.Explain", "recipient resume": "disclosure.ResumeRecipient",
        "escalation list": "escalation.ListEscalations", "escalation take-over": "escalation.TakeOver",
        "parked list": "operations.ListParked", "parked show": "operations.GetParked",
        "parked replay": "operations.ReplayParked", "parked discard": "operations.DiscardParked",
        "inbox list": "notifications.ListInbox", "message mark-read": "notifications.MarkRead",
    }  # fmt: skip
    assert {name: COMMANDS[name].rpc.name for name in wanted} == wanted


def test_names_that_stand_in_the_table_are_of_calls_that_there_are():
    assert set(commands.NAMES) <= set(API.rpcs)


@every_command
def test_a_name_is_one_noun_and_one_verb_in_small_letters(command):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)* [a-z]+(-[a-z]+)*", command.name)
    assert command.noun not in completion.OTHERS


class Method:
    """A method of proto/ as it is, but for what the test says."""

    def __init__(self, method, **other):
        self._method = method
        self.__dict__.update(other)

    def __getattr__(self, name):
        return getattr(self._method, name)


def with_path(call, verb, path, **other):
    method = API.rpcs[call].method
    options = type(method.GetOptions())()
    if path:
        setattr(options.Extensions[annotations_pb2.http], verb, path)
    return api_.Rpc(call, Method(method, GetOptions=lambda: options, **other))


@pytest.mark.parametrize(
    ("verb", "path", "name"),
    [
        ("get", "/v1/due", "due list"),
        ("get", "/v1/{name=controllers/*/cases/*}/timeline", "timeline list"),
        ("get", "/v1/{name=controllers/*/cases/*}/brightSpots", "bright-spot list"),
        ("post", "/v1/{name=controllers/*/measures/*}:evaluate", "measure evaluate"),
        ("post", "/v1/{name=controllers/*/children/*}:mergeInto", "child merge-into"),
        ("get", "/v1/{name=controllers/*/summaries/*}", "summary get"),
    ],
)
def test_a_new_call_is_named_by_its_path(verb, path, name):
    assert commands.name_of(with_path("cases.GetCase", verb, path)) == name


def test_a_stream_without_a_path_is_named_by_its_name():
    assert commands.name_of(with_path("cases.GetCase", "", "", name="WatchCase", server_streaming=True)) == "case watch"
    several = with_path("disclosure.ListDeliveries", "", "", name="WatchDeliveries", server_streaming=True)
    assert commands.name_of(several) == "delivery watch"


def test_a_call_without_a_path_is_internal():
    assert commands.name_of(with_path("cases.GetCase", "", "")) is None


def test_two_calls_with_one_name_are_an_error():
    twice = api_.Api(rpcs={
        name: with_path(name, "post", "/v1/{case=controllers/*/cases/*}:close")
        for name in ("cases.OpenLog", "cases.SetLevel")
    })  # fmt: skip
    with pytest.raises(commands.Clash, match="cases.SetLevel and cases.OpenLog"):
        commands.all_of(twice)


# --- flags and the request ----------------------------------------------------------------------------


def sample(field):
    """A word for a field, and the value that must arrive."""
    if field.message_type is not None:
        pairs = [(f, *sample(f)) for f in field.message_type.fields if f.message_type is None]
        word = ",".join(f"{f.name}={w}" for f, w, _ in pairs)
        return word, {f.name: [v] if f.is_repeated else v for f, _, v in pairs}
    if field.enum_type is not None:
        name = field.enum_type.values[-1].name
        return name.lower().replace("_", "-"), name
    if field.cpp_type == field.CPPTYPE_BOOL:
        return "yes", True
    if field.cpp_type == field.CPPTYPE_STRING:
        return "Ærlig talt", "Ærlig talt"
    return "7", "7" if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else 7


@every_command
def test_what_is_given_arrives(command):
    words, wanted = [*command.name.split()], {}
    for field in command.rpc.request.fields:
        word, value = sample(field)
        if command.rpc.is_command and field.name == "request_id":
            word = value = str(uuid.uuid4())
        if field in command.places:
            words.append(word)
        elif field.type == field.TYPE_BOOL:
            words.append(request.flag(command, field))
        else:
            words.append(f"{request.flag(command, field)}={word}")
        wanted[field.name] = [value] if field.is_repeated else value
    assert values(built(*words)) == wanted


@every_command
def test_nothing_is_sent_without_what_is_required(command):
    required = [f for f in command.rpc.request.fields if API.is_required(f)]
    asked = [request.written(command, f) for f in required if not (command.rpc.is_command and f.name == "request_id")]
    if not asked:
        built(*command.name.split())
        return
    with pytest.raises(Wrong) as error:
        built(*command.name.split())
    assert str(error.value) == f"{command.name}: {', '.join(asked)} is missing"


@every_command
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        parsed(*command.name.split(), "--help")
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: tools/stafett {command.name} ") and command.rpc.name in out


def test_the_options_of_every_command_are_those_that_a_field_may_not_be_called():
    leaf = argparse.ArgumentParser()
    main.add_options(leaf, COMMANDS["case get"])
    flags = {flag for action in leaf._actions for flag in action.option_strings if flag.startswith("--")}
    assert flags == {f"--{option}" for option in request.OPTIONS}


def test_a_field_that_is_called_as_an_option_of_every_command_has_a_longer_flag():
    role = SimpleNamespace(name="role", is_repeated=False)
    assert request.flag(COMMANDS["case get"], role) == "--case-role"


def test_a_command_has_a_new_request_id_each_time_and_a_reading_has_none():
    once, again = (built("recipient", "resume", "r-1"), built("recipient", "resume", "r-1"))
    assert not hasattr(once, "request_id") and once == again
    first, second = (built("escalation", "resolve", "controllers/c-1/escalations/e-1") for _ in range(2))
    assert uuid.UUID(first.request_id) != uuid.UUID(second.request_id)


def test_messages_are_fields_with_commas():
    said = built(
        "consent", "request", "controllers/c-1/children/b-1", "--purpose", "follow-up", "--consenter", "p-mother",
        "--consenter", "p-father", "--scope", "recipient=r-1,categories=plan,EDUC", "--scope", "recipient=r-2",
    )  # fmt: skip
    assert values(said)["scopes"] == [{"recipient": "r-1", "categories": ["PLAN", "EDUC"]}, {"recipient": "r-2"}]
    assert said.consenters == ["p-mother", "p-father"]


def test_a_sentence_may_have_commas_and_equal_signs_in_json():
    said = built("case", "write-note", CASE, "--section", "section_category=EDUC,text=Leser bedre, og er glad.",
                 "--section", '{"section_category": "PLAN", "text": "a,text=b"}')  # fmt: skip
    assert [section.text for section in said.sections] == ["Leser bedre, og er glad.", "a,text=b"]


def test_long_texts_come_from_files(tmp_path, monkeypatch):
    file = tmp_path / "concern.txt"
    file.write_text("Mina er stille.\nOgså hjemme.\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fra stdin\n")))
    assert built("concern", "note", "b-1", "--concern", f"@{file}").concern == "Mina er stille.\nOgså hjemme."
    assert built("concern", "note", "b-1", "--concern", "@-").concern == "fra stdin"
    assert built("concern", "note", "b-1", "--concern", "@@home").concern == "@home"


def test_a_whole_request_comes_from_a_file_and_a_flag_wins(tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"case": CASE, "level": "LEVEL_1", "reason": "fra fila"}))
    said = built("case", "set-level", "--json", str(file), "--level", "LEVEL_3")
    assert (said.case, said.level, said.reason) == (CASE, 4, "fra fila")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("case set-level k --reason r --level LEVEL_9", "did you mean LEVEL_"),
        ("case set-level k --reason r --level LEVEL_UNSPECIFIED", "is none of LEVEL_0, LEVEL_1"),
        ("consent request b --purpose x --consenter p --scope recipient=r,categories=EDUK", "did you mean EDUC?"),
        ("case write-note k --section section_categry=EDUC,text=x", "did you mean section_category?"),
        ("case write-note k --section text=x,section_categry=EDUC", "did you mean section_category?"),
        ("case write-note k --section text=x,text=y", "text is there twice"),
        ("case write-note k --section Leser", "is no field=value"),
        ("child register --guardian parental_responsibility=perhaps", "neither yes nor no"),
        ("concern note b --concern @no/such/file", "cannot read no/such/file"),
        ("concern note b --concern @/dev/zero", "more than 262144 bytes"),
        ("delivery list --page-size many", "invalid int value"),
        ("delivery list --page-size 99999999999", "delivery list: "),
        ("delivery list --aft x", "unrecognized arguments: --aft"),
        ("delivery list --timeout 0", "not between 0"),
        ("case opne-log", "open-log"),
        ("kase get", "invalid choice"),
        ("case open-log --goal x", "case open-log: CASE is missing"),
        ("delivery list --json no/such/file", "cannot read"),
        ("token person p-1 --role GUARDIAN --unit u-1", "neither unit nor organisation"),
        ("delivery list", "who calls? --as PERSON, or --through CLIENT"),
        ("delivery list --through nobody", "no client 'nobody'"),
        ("case get k --as Nobody", "no person 'Nobody'"),
        ("case get k --as p-mother --role GUARDIAN", "through which system"),
        ("case get k --as ../x --role GUARDIAN --through skole-record-system", "a person's id is of"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what(words, said, here, capsys):
    assert ended(*words.split()) == 2
    assert said in capsys.readouterr().err
    assert here.calls == []


# --- what is set aside, in every service ----------------------------------------------------------------


OPERATOR = ("--as", "p-teach1", "--through", "skole-record-system")


def test_a_list_of_what_is_set_aside_is_of_all_services(here, capsys):
    answers = iter([
        {"parked": [{"name": "cases-00-7", "cause": "GAP"}]},
        {},
        {"parked": [{"name": "disclosure-03-17", "cause": "UNREADABLE"}], "next_page_token": "disclosure-03-17"},
        {},
        {},
    ])  # fmt: skip
    here.answers["operations.ListParked"] = lambda *_: next(answers)
    assert ended("parked", "list", *OPERATOR) == 0
    said = capsys.readouterr()
    assert [line.split()[:2] for line in said.out.splitlines()[1:]] == [
        ["cases-00-7", "GAP"], ["disclosure-03-17", "UNREADABLE"],
    ]  # fmt: skip
    assert said.err == "more: --service disclosure --page-token disclosure-03-17\n"
    assert len(here.calls) == len(services.SERVICES)


def test_a_list_of_one_service_is_asked_there_alone_and_has_its_pages(here, capsys):
    here.answers["operations.ListParked"] = lambda *_: {"next_page_token": "consent-00-1"}
    assert ended("parked", "list", "--service", "consent", "--page-token", "consent-00-0", *OPERATOR) == 0
    assert [values for _, values, _ in here.calls] == [{"page_token": "consent-00-0"}]
    assert "--page-token consent-00-1" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["show", "replay", "discard"])
def test_what_is_done_to_it_is_asked_of_the_service_in_its_name(verb, here, tmp_path, monkeypatch):
    more = ("--reason", "damaged", "--reference", "INC-7") if verb == "discard" else ()
    assert ended("parked", verb, "escalation-03-17", *more, *OPERATOR) == 0
    assert here.calls[0][1]["name"] == "escalation-03-17"
    env = (tmp_path / "env").read_text()
    (tmp_path / "env").write_text(env.replace("STAFETT_ESCALATION=", "STAFETT_ELSEWHERE="))
    assert ended("parked", verb, "escalation-03-17", *more, *OPERATOR) == 3
    assert len(here.calls) == 1


def test_what_is_set_aside_is_not_for_the_edge_and_has_a_service_in_its_name(here, capsys):
    assert ended("parked", "show", "auditor-03-17", *OPERATOR) == 2
    assert "is no name as `parked list` gives it" in capsys.readouterr().err
    assert ended("parked", "show", "cases-03-17", "--edge", *OPERATOR) == 2
    assert "does not go through the edge" in capsys.readouterr().err
    assert here.calls == []


def test_an_operator_has_a_system_for_that_and_another_for_the_rest(here, tmp_path):
    folder = tmp_path / "controllers"
    folder.mkdir()
    known = Path(__file__).resolve().parents[2] / "e2e" / "controllers" / "invented.yaml"
    clients = "clients:\n  - {id: drift, recipient: r-skole1, scopes: [stafett:operations]}\n"
    (folder / "invented.yaml").write_text(known.read_text().replace("clients:\n", clients))
    env = (tmp_path / "env").read_text()
    (tmp_path / "env").write_text(re.sub("STAFETT_CONTROLLERS=.*", f"STAFETT_CONTROLLERS={folder}", env))
    assert ended("parked", "show", "cases-03-17", "--as", "p-teach1") == 0
    assert ended("case", "get", CASE, "--as", "p-teach1") == 0
    assert [tokens_of(metadata)[0]["client_id"] for _, _, metadata in here.calls] == ["drift", "skole-record-system"]


def test_json_with_a_field_that_the_call_does_not_have_is_wrong_usage(here, tmp_path, capsys):
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"name": CASE, "nmae": "x"}))
    assert ended("case", "get", "--json", str(file), "--as", "p-teach1") == 2
    assert "nmae" in capsys.readouterr().err


# --- a run --------------------------------------------------------------------------------------------


def ended(*words):
    """As a shell sees it."""
    try:
        return main.main(words)
    except SystemExit as end:  # argparse's way
        return end.code


@pytest.fixture
def here(tmp_path, monkeypatch):
    """All services are one stub; the issuer says in a token what it was asked for."""
    stub = Stub(API)
    controllers = Path(__file__).resolve().parents[2] / "e2e" / "controllers"
    lines = [f"STAFETT_{service.upper()}={stub.address}" for service in services.SERVICES]
    lines += [f"STAFETT_CONTROLLERS={controllers}", "STAFETT_TOKEN_ISSUER=http://127.0.0.1:1/stafett"]
    (tmp_path / "env").write_text("\n".join(lines))
    monkeypatch.setenv("STAFETT_ENV", str(tmp_path / "env"))
    monkeypatch.setattr(issuer.Tokens, "_ask", lambda _, form: json.dumps(form))
    yield stub
    stub.stop()


def says(code, reason="X", field=""):
    def no(*_):
        raise No(code, reason, field)

    return no


def tokens_of(metadata):
    assert metadata["authorization"].startswith("Bearer ")
    person = metadata.get("stafett-attestation")
    return json.loads(metadata["authorization"].removeprefix("Bearer ")), person and json.loads(person)


def test_an_answer_ends_with_0(here, capsys):
    here.answers["cases.GetCase"] = lambda *_: {"name": CASE, "state": "LOG_OPEN", "level": "LEVEL_2"}
    assert ended("case", "get", CASE, "--as", "p-teach1") == 0
    assert capsys.readouterr().out == f"name   {CASE}\nstate  LOG_OPEN\nlevel  LEVEL_2\n"
    assert here.calls[0][:2] == ("cases.GetCase", {"name": CASE})


def test_json_is_what_the_edge_would_say(here, capsys):
    here.answers["cases.GetCase"] = lambda *_: {"name": CASE, "next_date": "2026-11-30"}
    assert ended("case", "get", CASE, "--as", "p-teach1", "-o", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["nextDate"] == "2026-11-30" and said["state"] == "CASE_STATE_UNSPECIFIED" and said["participants"] == []


def test_whoever_calls_comes_through_the_system_of_the_own_service(here):
    assert ended("case", "get", CASE, "--as", "testine prøve") == 0
    machine, person = tokens_of(here.calls[0][2])
    assert machine["client_id"] == "skole-record-system" and person["person"] == "p-teach1"


def test_a_guardian_comes_through_a_system_that_is_named(here):
    words = ("consent", "list", "b-1", "--as", "p-mother", "--role", "GUARDIAN", "--through", "helse-record-system")
    assert ended(*words) == 0
    machine, person = tokens_of(here.calls[0][2])
    assert machine["client_id"] == "helse-record-system" and person["guardian"] == "p-mother"


def test_a_machine_comes_alone(here):
    assert ended("delivery", "list", "--through", "skole-record-system") == 0
    assert tokens_of(here.calls[0][2])[1] is None


def test_a_refusal_ends_with_1_and_says_reason_flag_and_how_to_try_again(here, capsys):
    here.answers["cases.WriteNote"] = says("INVALID_ARGUMENT", "BAD_TEXT", "sections[0].text")
    words = ("case", "write-note", CASE, "--section", "text=x", "--as", "p-teach1")
    assert ended(*words) == 1
    told = capsys.readouterr()
    sent = here.calls[0][1]["request_id"]
    assert told.out == ""
    assert told.err.startswith("stafett: refused: INVALID_ARGUMENT BAD_TEXT\n")
    assert "--section (sections[0].text)" in told.err and f"--request-id {sent}" in told.err
    assert ended(*words, "--request-id", sent) == 1
    assert here.calls[1][1] == here.calls[0][1]


def test_advice_is_for_reasons_that_there_are():
    codes = {code.name for code in grpc.StatusCode}
    sources = [f.read_text() for f in (Path(__file__).parents[3] / "services").rglob("*") if f.suffix in (".cc", ".h")]
    assert [r for r in set(refusal.ADVICE) - codes if not any(f'"{r}"' in source for source in sources)] == []


def test_a_refused_reading_has_nothing_to_be_sent_again(here, capsys):
    here.answers["cases.GetCase"] = says("PERMISSION_DENIED", "NOT_ALLOWED")
    assert ended("case", "get", CASE, "--as", "p-teach1") == 1
    assert "--request-id" not in capsys.readouterr().err


def test_an_unknown_outcome_ends_with_3_after_one_try(here, capsys):
    here.answers["cases.OpenLog"] = says("UNAVAILABLE", "OUTCOME_UNKNOWN")
    assert ended("case", "open-log", CASE, "--goal", "x", "--as", "p-teach1") == 3
    (call,) = here.calls
    assert f"--request-id {call[1]['request_id']}" in capsys.readouterr().err


def test_nobody_there_ends_with_3(here, tmp_path, capsys):
    env = tmp_path / "env"
    env.write_text(re.sub(r"(STAFETT_CASES)=.*", rf"\1=127.0.0.1:{free_port()}", env.read_text()))
    assert ended("case", "get", CASE, "--as", "p-teach1", "--timeout", "5") == 3
    assert "UNAVAILABLE" in capsys.readouterr().err


def test_a_service_that_is_not_started_ends_with_3(here, tmp_path, capsys):
    env = tmp_path / "env"
    env.write_text(re.sub(r"STAFETT_CASES=.*\n", "", env.read_text()))
    assert ended("case", "get", CASE, "--as", "p-teach1") == 3
    assert "cases does not run" in capsys.readouterr().err


def test_nothing_up_ends_with_3(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("STAFETT_ENV", str(tmp_path / "nothing"))
    assert ended("case", "get", CASE, "--as", "p-teach1") == 3
    assert "tools/up" in capsys.readouterr().err


@pytest.fixture
def lost(here):
    """A request id that no service knows."""
    for service in commands.receipts(API):
        here.answers[f"{service}.GetReceipt"] = says("NOT_FOUND", "UNKNOWN_REQUEST")
    return str(uuid.uuid4())


def test_a_receipt_is_looked_for_in_every_service(here, lost, capsys):
    words = ("receipt", lost, "--through", "skole-record-system")
    assert ended(*words) == 1
    assert "UNKNOWN_REQUEST" in capsys.readouterr().err
    here.answers["cases.GetReceipt"] = says("UNAVAILABLE")
    here.answers["notifications.GetReceipt"] = lambda *_: {"request_id": lost, "state": "PUBLISHED"}
    assert ended(*words) == 0
    assert capsys.readouterr().out == f"taken by notifications\nrequest id  {lost}\nstate       PUBLISHED\n"


def test_a_receipt_is_missing_only_if_every_service_says_so(here, lost, capsys):
    words = ("receipt", lost, "--through", "skole-record-system")
    here.answers["escalation.GetReceipt"] = says("PERMISSION_DENIED", "SCOPE_MISSING")
    assert ended(*words) == 1
    assert "SCOPE_MISSING" in capsys.readouterr().err
    here.answers["notifications.GetReceipt"] = says("UNAVAILABLE")
    assert ended(*words) == 3
    assert ended(*words, "--service", "cases") == 1


# --- streams ------------------------------------------------------------------------------------------


def streamed(*words):
    """delivery list, as if it went on."""
    rpc = API.rpcs["disclosure.ListDeliveries"]
    command = commands.Command("delivery", "watch", api_.Rpc(rpc.name, Method(rpc.method, server_streaming=True)))
    leaf = argparse.ArgumentParser()
    main.add_options(leaf, command)
    request.add_flags(leaf, command, API, {})
    arguments = leaf.parse_args([*words, "--through", "skole-record-system"])
    arguments.command = command
    main.call(arguments)


def test_a_stream_is_shown_as_it_comes_and_its_refusal_ends_it(here, capsys):
    def items(*_):
        yield {"next": "a"}
        yield {"next": "b"}
        raise No("PERMISSION_DENIED", "NOT_ALLOWED")

    here.streams["disclosure.ListDeliveries"] = items
    with pytest.raises(main.Failed, match="NOT_ALLOWED") as failed:
        streamed("-o", "json", "--after", "x")
    shown = [json.loads(line)["next"] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["a", "b"] and failed.value.code == 1 and here.calls[0][1] == {"after": "x"}


def test_a_stream_that_the_service_ends_is_done(here, capsys):
    here.streams["disclosure.ListDeliveries"] = lambda *_: iter([{"deliveries": [{"delivery_id": "d-1"}]}])
    streamed()
    assert "d-1" in capsys.readouterr().out


def test_a_stream_ends_at_ctrl_c(here, capsys, monkeypatch):
    def items(*_):
        yield {"next": "a"}
        yield {"next": "b"}

    def interrupted(_, **__):
        raise KeyboardInterrupt

    here.streams["disclosure.ListDeliveries"] = items
    monkeypatch.setattr(show, "as_json", interrupted)
    streamed("-o", "json")
    assert capsys.readouterr().out == ""


def test_a_stream_does_not_go_through_the_edge(here, tmp_path):
    with (tmp_path / "env").open("a") as env:
        env.write("\nSTAFETT_EDGE=http://127.0.0.1:1\n")
    with pytest.raises(Wrong, match="edge"):
        streamed("--edge")


# --- what is shown ------------------------------------------------------------------------------------


def message(rpc, **said):
    return json_format.ParseDict(said, api_.message_class(API.rpcs[rpc].response)())


@pytest.fixture
def in_oslo():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Oslo")
        time.tzset()
        yield
    time.tzset()


def test_a_list_is_a_table_with_the_columns_that_say_something(in_oslo):
    text = show.as_table(message(
        "escalation.ListEscalations", next_page_token="tok",
        escalations=[{"name": "e-1", "kind": "NEXT_DATE", "step": 1, "since_ms": 1767222000000},
                     {"name": "e-22", "kind": "BATON_ANSWER", "acknowledged": True}],
    ))  # fmt: skip
    assert text.splitlines() == [
        "name  kind          step  acknowledged  resolved  since",
        "e-1   NEXT_DATE     1     no            no        2026-01-01 00:00:00 +0100",
        "e-22  BATON_ANSWER  0     yes           no        –",
        "",
        "more  --page-token tok",
    ]


def test_a_list_that_is_wider_than_the_terminal_is_told_entry_by_entry():
    listed = message("disclosure.ListDeliveries", next="c", deliveries=[{"delivery_id": "d-1", "case_ref": "k-1"},
                                                                       {"delivery_id": "d-2"}])  # fmt: skip
    rows = ["delivery id  case ref", "d-1          k-1", "d-2          –", "", "more  --after c"]
    assert show.as_table(listed).splitlines() == show.as_table(listed, room=21).splitlines() == rows
    assert show.as_table(listed, room=20).splitlines() == [
        "delivery id  d-1", "case ref     k-1", "", "delivery id  d-2", "", "more  --after c",
    ]  # fmt: skip


def test_an_empty_list_says_so():
    assert show.as_table(message("consent.ListConsents")) == "no consents"


def test_wide_characters_take_two_columns():
    inbox = [{"name": "m", "text": "漢字"}, {"name": "漢字", "text": "x"}]
    text = show.as_table(message("notifications.ListInbox", messages=inbox))
    first, second = text.splitlines()[1:3]
    assert first.startswith("m     ") and second.startswith("漢字  ")


def test_a_receipt_says_what_it_means():
    receipt = {"request_id": "u", "state": "PUBLISHED"}
    text = show.as_table(message("cases.OpenLog", case={"name": "k"}, receipt=receipt))
    assert text == "case:\n  name  k\nreceipt  PUBLISHED (in two durable stores), request id u"
    states = API.rpcs["cases.GetReceipt"].response.fields_by_name["state"].enum_type
    assert set(show.RECEIPTS) == set(request.words_of(states))


def test_what_others_wrote_cannot_steer_the_terminal():
    text = show.as_table(message("cases.GetCase", goal="a\x1b]0;owned\x07b\u202ec\x9b2J", holder="p"))
    assert text == "holder  p\ngoal    a\\x1b]0;owned\\x07b\\u202ec\\x9b2J"
    assert "\x1b" not in show.as_json(message("cases.GetCase", goal="\x1b[2J\x9b"))
    assert "\x9b" not in show.as_json(message("cases.GetCase", goal="\x1b[2J\x9b"))


def test_a_text_of_several_lines_stays_together():
    assert show.as_table(message("cases.GetCase", goal="én\nto", etag="3")) == "etag  3\ngoal  én\n      to"


def test_content_is_opened():
    note = api_.message_class(API.events["note-written"])(case_id="k", sections=[{"text": "Leser."}])
    packed = any_pb2.Any()
    packed.Pack(note)
    answer = message("disclosure.Fetch", digest="d")
    answer.content.CopyFrom(packed)
    assert show.as_table(answer).splitlines() == [
        "content (note-written):", "  case id  k", "  sections:", "    text", "    Leser.", "digest  d",
    ]  # fmt: skip
    answer.content.type_url = "type.googleapis.com/nobody.Knows"
    assert "nobody.Knows" in show.as_table(answer)


# --- completion ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "offered"),
    [(["cas"], ["case"]), (["case", "open"], ["open-log"]), (["case", "open-log", "--go"], ["--goal"]),
     (["token", "pe"], ["person"]), (["consent", "request", "x", "--sc"], ["--scope"])],
)  # fmt: skip
def test_bash_completes(typed, offered):
    words = " ".join(["tools/stafett", *typed])
    here = f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}"
    script = f'{completion.bash(API)}\n{here}; _stafett; echo "${{COMPREPLY[@]}}"'
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=10)
    assert run.stdout.split() == offered
