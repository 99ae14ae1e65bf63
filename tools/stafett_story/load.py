"""Reads and checks a story file. The format is described in tests/e2e/stories/README.md.

Everything that can be known without starting anything is checked here, and every problem is told
with its file and line: an unknown key or name, a call or field or enum value that proto/ does not
have, a national number that is not synthetic, a person whom no controller's file knows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import grpc
import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from stafett_stack.controllers import Directory
from stafett_story import people
from stafett_story.api import Api, Rpc
from stafett_story.told import STEPS

REFERENCE = re.compile(r"\$\{([^}]*)\}")
ANY, NONE = "${any}", "${none}"  # in an answer: something, whatever it is; nothing
TODAY = re.compile(r"today\s*(?:([+-])\s*(\d{1,4}))?")
SNAPSHOT_EVENT = "case-snapshot"
RETRACTION = "retraction"
EVERYTHING = "everything"
FETCH_SCOPE = "stafett:disclosure"
PASSES = re.compile(r"(\d{1,3}) days?")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]*")
_SCHEMES = {"title", "about", "children", "guardians", "recipients", "actors", "never", "decisions",
            "steps"}  # fmt: skip


@dataclass(frozen=True, order=True)
class Problem:
    line: int
    text: str


class StoryError(Exception):
    """A story file that is wrong; str() is one line `file:line: reason` per problem."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        super().__init__("\n".join(f"{file}:{p.line}: {p.text}" for p in self.problems))


@dataclass(frozen=True)
class Child:
    alias: str
    name: str
    born: date | None
    number: str  # "" if it is to be made from the birth date


@dataclass(frozen=True)
class Actor:
    """Who calls: a machine client, mostly for a person."""

    alias: str
    client: str
    person: str = ""  # id; empty: the bare machine
    name: str = ""
    guardian: bool = False
    relation: str = ""


@dataclass(frozen=True)
class Item:
    """One thing that a recipient must see. None and () of a field mean: not looked at."""

    line: int
    event: str
    fields: frozenset[str] | None = None
    sections: tuple[str, ...] | None = None
    rule: str | None = None
    has: tuple[str, ...] = ()
    has_not: tuple[str, ...] = ()
    content: Mapping[str, object] = field(default_factory=dict)
    child: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Escalates:
    """What escalation must say. Aliases; None: not looked at."""

    line: int
    step: str  # of told.STEPS
    awaited: str
    of: str | None = None  # recipient
    to: str | None = None  # actor


@dataclass(frozen=True)
class Mails:
    """A mail that somebody must get. None and () mean: not looked at."""

    line: int
    to: str  # actor
    language: str | None = None
    has: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    code: str
    reason: str | None = None
    field: str | None = None


@dataclass(frozen=True)
class Step:
    number: int
    line: int
    title: str
    id: str = ""
    who: str = ""
    rpc: Rpc | None = None  # a call
    request: Mapping[str, object] = field(default_factory=dict)
    repeats: int = 0  # number of the step whose request_id and request are sent again
    same: bool = False  # the answer must be that of the repeated step
    opens: str = ""  # a person of `at` opens the latest event of this kind
    fetches: str = ""  # `at` fetches the latest event of this kind again
    at: str = ""
    passes: int = 0  # days
    stops: str = ""  # this recipient's program is stopped…
    starts: str = ""  # …or started again
    answers: Mapping[str, object] | None = None
    refused: Refused | None = None
    eventually: bool = False
    save: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sees: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    escalates: tuple[Escalates, ...] = ()
    mails: tuple[Mails, ...] = ()

    @property
    def does(self) -> str:
        if self.rpc is not None:
            return self.rpc.name
        if self.passes:
            return f"{self.passes} days pass"
        if self.stops or self.starts:
            return "its system stops" if self.stops else "its system is back"
        return f"opens {self.opens}" if self.opens else f"fetches {self.fetches}"


@dataclass(frozen=True)
class Story:
    file: Path
    title: str
    about: str
    children: Mapping[str, Child]
    recipients: Mapping[str, str]  # alias → id
    recipient_clients: Mapping[str, str]  # alias → machine client that fetches
    actors: Mapping[str, Actor]
    never: Mapping[str, tuple[str, ...] | None]  # alias → words; None: nothing at all
    decisions: tuple[tuple[str, str], ...]  # (alias of the actor who reads them, reference such as ${child})
    steps: tuple[Step, ...]

    def values(self, run: str = "1") -> dict[str, object]:
        """What ${…} stands for before the first step. `run` gives children other numbers."""
        values: dict[str, object] = dict(self.recipients)
        for child in self.children.values():
            values[child.alias] = {"name": child.name, "number": self.number(child.alias, run)}
        for actor in self.actors.values():
            values[actor.alias] = {"": actor.person, "name": actor.name}
        return values

    def number(self, alias: str, run: str = "1") -> str:
        child = self.children[alias]
        if child.number:
            return child.number
        assert child.born is not None
        return people.synthetic_number(child.born, f"{self.file.stem}/{alias}/{run}")

    def private_strings(self, run: str = "1") -> set[str]:
        """What must appear nowhere but in content: names and their rarer parts, numbers, texts."""
        names = [child.name for child in self.children.values()]
        names += [actor.name for actor in self.actors.values() if actor.guardian]
        found = set(names) | {self.number(alias, run) for alias in self.children}
        found |= {part for name in names for part in name.split() if len(part) > 5}
        found |= {text for step in self.steps for text in _sentences(step.request)}
        return {text for text in found if not REFERENCE.search(text)}


def resolve(text: str, values: Mapping[str, object], today: date) -> str:
    """`text` with every ${…} replaced. The loader has made sure that each can be."""

    def one(match: re.Match[str]) -> str:
        reference = match[1].strip()
        value = _today(reference, today)
        if value is not None:
            return value
        current: object = values
        for part in reference.split("."):
            current = current[part]  # type: ignore[index]
        if isinstance(current, Mapping):
            current = current[""]
        return str(current)

    return REFERENCE.sub(one, text)


def resolve_all(value: object, values: Mapping[str, object], today: date) -> object:
    if isinstance(value, str):
        return value if value in (ANY, NONE) else resolve(value, values, today)
    if isinstance(value, Mapping):
        return {key: resolve_all(part, values, today) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve_all(part, values, today) for part in value]
    return value


def load(file: Path, api: Api, known: Directory) -> Story:
    """The story, or StoryError with every problem that was found."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(file, [Problem(1, f"cannot be read: {error}")]) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise StoryError(file, [Problem(line, f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise StoryError(file, [Problem(1, f"not YAML: {error}")]) from error
    if root is None:
        raise StoryError(file, [Problem(1, "the file is empty")])
    reader = _Reader(file, api, known)
    story = reader.story(root)
    if reader.problems or story is None:
        raise StoryError(file, reader.problems)
    return story


# --- inside -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Saved:
    """A name of a story: what may follow it after a dot."""

    fields: frozenset[str] = frozenset()  # of a person
    bare: bool = True  # may stand alone
    message: Descriptor | None = None  # of something saved from an answer


class _Reader:
    def __init__(self, file: Path, api: Api, known: Directory) -> None:
        self.file = file
        self.api = api
        self.known = known
        self.problems: list[Problem] = []
        self.names: dict[str, _Saved] = {}
        self.children: dict[str, Child] = {}
        self.recipients: dict[str, str] = {}
        self.recipient_clients: dict[str, str] = {}
        self.actors: dict[str, Actor] = {}
        self.never: dict[str, tuple[str, ...] | None] = {}
        self.steps: list[Step] = []

    # --- the file, top down --------------------------------------------------------------------

    def story(self, root: yaml.Node) -> Story | None:
        keys = self.mapping(root, "a story", _SCHEMES, {"title", "recipients", "actors", "steps"})
        if keys is None:
            return None
        for alias, node in self.entries(keys.get("children"), "children"):
            self.child(alias, node)
        for alias, node in self.entries(keys.get("recipients"), "recipients"):
            self.recipient(alias, node)
        for alias, node in self.entries(keys.get("guardians"), "guardians"):
            self.guardian(alias, node)
        for alias, node in self.entries(keys.get("actors"), "actors"):
            self.actor(alias, node)
        for alias, node in self.entries(keys.get("never"), "never", names_are_new=False):
            self.never_sees(alias, node)
        for node in self.sequence(keys.get("steps"), "steps") or ():
            self.step(node)
        decisions = tuple(self.listed(keys.get("decisions"), self.decisions))
        return Story(
            file=self.file,
            title=self.text(keys.get("title"), "title"),
            about=self.text(keys["about"], "about").strip() if "about" in keys else "",
            children=self.children,
            recipients=self.recipients,
            recipient_clients=self.recipient_clients,
            actors=self.actors,
            never=self.never,
            decisions=tuple(pair for pairs in decisions for pair in pairs),
            steps=tuple(self.steps),
        )

    def child(self, alias: str, node: yaml.Node) -> None:
        keys = self.mapping(node, "a child", {"name", "born", "number"}, {"name"})
        if keys is None:
            return
        if ("born" in keys) == ("number" in keys):
            self.problem(node, "a child has either `born` (a number is invented) or `number`")
            return
        born, number = None, ""
        if "born" in keys:
            try:
                born = date.fromisoformat(self.text(keys["born"], "born"))
            except ValueError:
                self.problem(keys["born"], "`born` is a date such as 2017-05-14")
        else:
            number = self.text(keys["number"], "number")
            reason = people.why_not_synthetic(number)
            if reason:
                self.problem(keys["number"], reason)
        self.names[alias] = _Saved(frozenset({"name", "number"}), bare=False)
        self.children[alias] = Child(alias, self.text(keys["name"], "name"), born, number)

    def recipient(self, alias: str, node: yaml.Node) -> None:
        id_ = self.text(node, "a recipient's id")
        self.names[alias] = _Saved()
        self.recipients[alias] = id_
        if id_ not in self.known.recipients:
            self.unknown(node, "recipient", id_, self.known.recipients, "in the controllers' files")
            return
        clients = [client for client in self.known.clients if client.recipient == id_]
        if not clients:
            self.problem(node, f"no client of the controllers' files belongs to {id_}, "
                               "so its program could fetch nothing")  # fmt: skip
            return
        clients.sort(key=lambda client: FETCH_SCOPE not in client.scopes)
        self.recipient_clients[alias] = clients[0].id

    def guardian(self, alias: str, node: yaml.Node) -> None:
        keys = self.mapping(
            node, "a guardian", {"name", "relation", "through", "id"}, {"name", "relation", "through"}
        )
        if keys is None:
            return
        client = self.text(keys["through"], "through")
        self.check_client(keys["through"], client)
        id_ = self.text(keys["id"], "id") if "id" in keys else ""
        self.names[alias] = _Saved(frozenset({"name"}))
        self.actors[alias] = Actor(
            alias,
            client,
            person=id_ or people.opaque_id("p", self.file.stem, alias),
            name=self.text(keys["name"], "name"),
            guardian=True,
            relation=self.text(keys["relation"], "relation"),
        )

    def actor(self, alias: str, node: yaml.Node) -> None:
        keys = self.mapping(node, "an actor", {"person", "through"}, {"through"})
        if keys is None:
            return
        client = self.text(keys["through"], "through")
        self.check_client(keys["through"], client)
        name = ""
        person = self.text(keys["person"], "person") if "person" in keys else ""
        if person:
            ids = {entry.id: entry for entry in self.known.people}
            if person in ids:
                name = ids[person].name
            else:
                self.unknown(keys["person"], "person", person, ids, "in the controllers' files")
        self.names[alias] = _Saved(frozenset({"name"}), bare=bool(person))
        self.actors[alias] = Actor(alias, client, person=person, name=name)

    def check_client(self, node: yaml.Node, client: str) -> None:
        ids = [entry.id for entry in self.known.clients]
        if client not in ids:
            self.unknown(node, "client", client, ids, "in the controllers' files")

    def never_sees(self, alias: str, node: yaml.Node) -> None:
        if alias not in self.recipients:
            self.unknown(node, "recipient", alias, self.recipients, "in this story")
            return
        if isinstance(node, yaml.ScalarNode) and node.value == "anything":
            self.never[alias] = None
            return
        words = self.texts(node, "never: `anything` or a list of words")
        for word, entry in zip(words, self.nodes(node), strict=True):
            self.references(entry, word)
        self.never[alias] = words

    def decisions(self, node: yaml.Node) -> list[tuple[str, str]] | None:
        keys = self.mapping(node, "decisions", {"read_by", "about"}, {"read_by", "about"})
        if keys is None:
            return None
        officer = self.text(keys["read_by"], "read_by")
        if officer not in self.actors:
            self.unknown(keys["read_by"], "actor", officer, self.actors, "in this story")
        about = self.texts(keys["about"], "about")
        for text, entry in zip(about, self.nodes(keys["about"]), strict=True):
            self.references(entry, text)
        return [(officer, text) for text in about]

    # --- steps ---------------------------------------------------------------------------------

    def step(self, node: yaml.Node) -> None:
        common = {"step", "id", "sees", "escalates", "mails"}
        known = {
            "does": common | {"who", "does", "with", "save", "answers", "refused", "eventually"},
            "repeats": common | {"who", "repeats", "with", "answers", "refused"},
            "opens": common | {"who", "opens", "at", "refused"},
            "fetches": common | {"fetches", "at", "refused"},
            "passes": common | {"passes"},
            "stops": common | {"stops"},
            "starts": common | {"starts"},
        }
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, "a step is a list of `key: value`")
            return
        present = {key.value for key, _ in node.value}
        kinds = [kind for kind in known if kind in present]
        if len(kinds) != 1:
            near = self.meant(present - set().union(*known.values()), known)
            kinds = ", ".join(f"`{kind}`" for kind in known)
            self.problem(node, f"a step has one of {kinds}{near}")
            return
        kind = kinds[0]
        needed = {"does": {"step", "who"}, "repeats": {"step"}, "opens": {"step", "who", "at"},
                  "fetches": {"step", "at"}}.get(kind, {"step"})  # fmt: skip
        keys = self.mapping(node, f"a step with `{kind}`", known[kind], needed)
        if keys is None:
            return
        values: dict[str, object] = {
            "number": len(self.steps) + 1,
            "line": _line(node),
            "title": self.text(keys["step"], "step"),
            "id": self.text(keys["id"], "id") if "id" in keys else "",
            "refused": self.refused(keys.get("refused")),
        }
        if "who" in keys:
            values["who"] = self.one_of(keys["who"], "actor", self.actors, "in this story")
        if "at" in keys:
            values["at"] = self.one_of(keys["at"], "recipient", self.recipients, "in this story")
        if kind in ("opens", "fetches"):
            events = [*self.api.events, *((EVERYTHING,) if kind == "fetches" else ())]
            values[kind] = self.one_of(keys[kind], "event", events, "in proto/")
        elif kind == "passes":
            values["passes"] = self.days(keys["passes"])
        elif kind in ("stops", "starts"):
            values[kind] = values["at"] = self.one_of(keys[kind], "recipient", self.recipients, "in this story")
        elif kind == "repeats":
            values |= self.repeated(keys)
        else:
            values |= self.call(keys, bool(values["refused"]))
        values["sees"] = self.sees(keys.get("sees"))
        values["escalates"] = tuple(self.listed(keys.get("escalates"), self.escalation))
        values["mails"] = tuple(self.listed(keys.get("mails"), self.mail))
        self.steps.append(Step(**values))  # type: ignore[arg-type]
        if "id" in keys:
            self.step_id(keys["id"], self.steps[-1])

    def step_id(self, node: yaml.Node, step: Step) -> None:
        if step.id in self.names:
            self.problem(node, f"the name {step.id!r} is taken already")
        elif step.rpc is None or not step.rpc.is_command:
            self.problem(node, "only a step with a call that changes something can have an id")
        else:
            self.names[step.id] = _Saved(frozenset({"request_id"}), bare=False)

    def call(self, keys: dict[str, yaml.Node], is_refused: bool) -> dict[str, object]:
        name = self.one_of(keys["does"], "call", self.api.rpcs, "in proto/")
        rpc = self.api.rpcs.get(name)
        if rpc is None:
            return {}
        values: dict[str, object] = {"rpc": rpc, "request": {}}
        if "with" in keys:
            values["request"] = self.message(keys["with"], rpc.request)
        if not is_refused:
            self.required(keys.get("with", keys["does"]), rpc, values["request"])
        if "answers" in keys:
            values["answers"] = self.message(keys["answers"], rpc.response, expected=True)
        if "eventually" in keys:
            values["eventually"] = self.boolean(keys["eventually"])
        if "save" in keys:
            values["save"] = self.save(keys["save"], rpc.response)
        if is_refused and ("answers" in keys or "save" in keys):
            self.problem(keys["refused"], "a refused call answers nothing that could be expected or saved")
        return values

    def required(self, node: yaml.Node, rpc: Rpc, request: object) -> None:
        for entry in rpc.request.fields:
            if entry.name == "request_id" and rpc.is_command:
                continue  # made by the player
            if self.api.is_required(entry) and entry.name not in request:  # type: ignore[operator]
                self.problem(node, f"{rpc.name} needs `{entry.name}` in `with`")

    def repeated(self, keys: dict[str, yaml.Node]) -> dict[str, object]:
        id_ = self.text(keys["repeats"], "repeats")
        earlier = next((step for step in self.steps if step.id == id_), None)
        if earlier is None or earlier.rpc is None:
            calls = [step.id for step in self.steps if step.id and step.rpc]
            self.unknown(keys["repeats"], "earlier step with a call and the id", id_, calls, "")
            return {}
        values: dict[str, object] = {
            "repeats": earlier.number,
            "rpc": earlier.rpc,
            "request": earlier.request,
        }
        if "who" not in keys:
            values["who"] = earlier.who
        if "with" in keys:
            changed = self.message(keys["with"], earlier.rpc.request)
            values["request"] = {**earlier.request, **changed}
        if "answers" in keys:
            answers = keys["answers"]
            if isinstance(answers, yaml.ScalarNode) and answers.value == "same":
                values["same"] = True
            else:
                values["answers"] = self.message(answers, earlier.rpc.response, expected=True)
        return values

    def save(self, node: yaml.Node, response: Descriptor) -> dict[str, tuple[str, ...]]:
        saved: dict[str, tuple[str, ...]] = {}
        for alias, entry in self.entries(node, "save", names_are_new=False):
            if alias in self.names and self.names[alias].message is None and self.names[alias].fields:
                self.problem(entry, f"{alias!r} is a person of this story; save under another name")
                continue
            path = tuple(self.text(entry, "save").split("."))
            found = self.path(entry, path, response, f"the answer ({response.name})")
            if found is not None:
                saved[alias] = path
                self.names[alias] = found
        return saved

    def path(
        self, node: yaml.Node, path: tuple[str, ...], start: Descriptor, what: str
    ) -> _Saved | None:
        message: Descriptor | None = start
        for part in path:
            entry = message.fields_by_name.get(part) if message else None
            if entry is None:
                names = message.fields_by_name if message else ()
                self.unknown(node, "field", part, names, f"of {what}")
                return None
            if entry.is_repeated:
                self.problem(node, f"{part} is a list; only a single value can be saved or named")
                return None
            message = entry.message_type
        return _Saved(bare=message is None, message=message)

    def refused(self, node: yaml.Node | None) -> Refused | None:
        if node is None:
            return None
        keys = self.mapping(node, "refused", {"code", "reason", "field"}, {"code"})
        if keys is None:
            return None
        codes = [code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
        return Refused(
            code=self.one_of(keys["code"], "status code", codes, "of gRPC"),
            reason=self.text(keys["reason"], "reason") if "reason" in keys else None,
            field=self.text(keys["field"], "field") if "field" in keys else None,
        )

    def sees(self, node: yaml.Node | None) -> dict[str, tuple[Item, ...]]:
        seen: dict[str, tuple[Item, ...]] = {}
        for alias, entry in self.entries(node, "sees", names_are_new=False):
            if alias not in self.recipients:
                self.unknown(entry, "recipient", alias, self.recipients, "in this story")
            elif isinstance(entry, yaml.ScalarNode) and entry.value == "nothing":
                seen[alias] = ()
            elif alias in self.never and self.never[alias] is None:
                self.problem(entry, f"`never` says that {alias} never sees anything")
            else:
                items = (self.item(part) for part in self.nodes(entry))
                seen[alias] = tuple(item for item in items if item is not None)
        return seen

    def item(self, node: yaml.Node) -> Item | None:
        events = [*self.api.events, RETRACTION]
        if isinstance(node, yaml.ScalarNode):  # `- log-opened` says the same as `- event: log-opened`
            return Item(_line(node), self.one_of(node, "event", events, "in proto/"))
        known = {"event", "fields", "sections", "rule", "has", "has_not", "content", "child"}
        keys = self.mapping(node, "a thing seen", known, {"event"})
        if keys is None:
            return None
        event = self.one_of(keys["event"], "event", events, "in proto/")
        descriptor = self.api.events.get(event)
        if descriptor is None and set(keys) - {"event"}:
            if event == RETRACTION:
                self.problem(node, "a retraction has no content: only `event` can be said of it")
            return Item(_line(node), event)
        identity = self.api.rpcs["disclosure.Fetch"].response.fields_by_name["child"].message_type
        return Item(
            line=_line(node),
            event=event,
            fields=frozenset(self.categories(keys["fields"])) if "fields" in keys else None,
            sections=tuple(self.categories(keys["sections"])) if "sections" in keys else None,
            rule=self.text(keys["rule"], "rule") if "rule" in keys else None,
            has=self.referring(keys.get("has"), "has"),
            has_not=self.referring(keys.get("has_not"), "has_not"),
            content=self.message(keys["content"], descriptor, expected=True)
            if "content" in keys
            else {},
            child=self.message(keys["child"], identity, expected=True) if "child" in keys else None,
        )

    def listed(self, node: yaml.Node | None, read: Callable) -> Iterator:
        for entry in self.nodes(node) if node is not None else ():
            found = read(entry)
            if found is not None:
                yield found

    def escalation(self, node: yaml.Node) -> Escalates | None:
        keys = self.mapping(node, "an escalation", {"is", "awaited", "of", "to"}, {"is", "awaited"})
        if keys is None:
            return None
        return Escalates(
            line=_line(node),
            step=self.one_of(keys["is"], "step of an escalation", STEPS, ""),
            awaited=self.one_of(keys["awaited"], "thing awaited", self.api.awaited, "in proto/"),
            of=self.one_of(keys["of"], "recipient", self.recipients, "in this story") if "of" in keys else None,
            to=self.one_of(keys["to"], "actor", self.actors, "in this story") if "to" in keys else None,
        )

    def mail(self, node: yaml.Node) -> Mails | None:
        keys = self.mapping(node, "a mail", {"to", "language", "has"}, {"to"})
        if keys is None:
            return None
        return Mails(
            line=_line(node),
            to=self.one_of(keys["to"], "actor", self.actors, "in this story"),
            language=self.text(keys["language"], "language") if "language" in keys else None,
            has=self.referring(keys.get("has"), "has"),
        )

    def days(self, node: yaml.Node) -> int:
        match = PASSES.fullmatch(self.text(node, "passes"))
        if match is None or int(match[1]) == 0:
            self.problem(node, "`passes` is a time such as 14 days")
            return 1
        return int(match[1])

    def categories(self, node: yaml.Node) -> list[str]:
        return [
            self.one_of(entry, "category", self.api.categories, "in proto/")
            for entry in self.nodes(node)
        ]

    # --- values of messages --------------------------------------------------------------------

    def message(self, node: yaml.Node, descriptor: Descriptor, *, expected: bool = False) -> dict:
        """A mapping with the fields of a message. `expected`: what an answer must have in it."""
        result: dict[str, object] = {}
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"here belong the fields of {descriptor.name}")
            return result
        for key, value in self.pairs(node):
            entry = descriptor.fields_by_name.get(key.value)
            if entry is None:
                names = descriptor.fields_by_name
                self.unknown(key, "field", key.value, names, f"of {descriptor.full_name}")
            elif expected and isinstance(value, yaml.ScalarNode) and value.value in (ANY, NONE):
                result[key.value] = value.value
            elif entry.is_repeated:
                result[key.value] = [
                    self.single(part, entry, expected=expected) for part in self.nodes(value)
                ]
            else:
                result[key.value] = self.single(value, entry, expected=expected)
        return result

    def single(self, node: yaml.Node, entry: FieldDescriptor, *, expected: bool) -> object:
        if entry.type == FieldDescriptor.TYPE_MESSAGE:
            return self.message(node, entry.message_type, expected=expected)
        text = self.text(node, entry.name)
        if entry.type == FieldDescriptor.TYPE_STRING:
            self.references(node, text)
            return text
        if entry.type == FieldDescriptor.TYPE_ENUM:
            names = entry.enum_type.values_by_name
            return self.one_of(node, "value", names, f"of {entry.enum_type.full_name}")
        if entry.type == FieldDescriptor.TYPE_BOOL:
            return self.boolean(node)
        if entry.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32):
            return self.integer(node)
        if entry.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
            return str(self.integer(node))  # as in protobuf's JSON
        self.problem(node, f"a story cannot say a value of {entry.name}'s type")
        return None

    def referring(self, node: yaml.Node | None, what: str) -> tuple[str, ...]:
        if node is None:
            return ()
        texts = self.texts(node, what)
        for text, entry in zip(texts, self.nodes(node), strict=True):
            self.references(entry, text)
        return texts

    def references(self, node: yaml.Node, text: str) -> None:
        """Every ${…} in `text` must stand for something by now."""
        for match in REFERENCE.finditer(text):
            reference = match[1].strip()
            if TODAY.fullmatch(reference):
                continue
            alias, *path = reference.split(".")
            name = self.names.get(alias)
            if name is None:
                self.unknown(node, "name", alias, self.names, "here (nothing before this saves it)")
            elif name.message is not None:
                found = self.path(node, tuple(path), name.message, alias) if path else name
                if found is not None and not found.bare:
                    self.problem(node, f"${{{reference}}} is a whole message; name a field of it")
            elif path and (len(path) > 1 or path[0] not in name.fields):
                self.unknown(node, "field", ".".join(path), name.fields, f"of {alias}")
            elif not path and not name.bare:
                fields = " or ".join(f"${{{alias}.{part}}}" for part in sorted(name.fields))
                self.problem(node, f"${{{alias}}} says too little; say {fields}")

    # --- nodes ---------------------------------------------------------------------------------

    def mapping(
        self, node: yaml.Node, what: str, known: Iterable[str], needed: Iterable[str]
    ) -> dict[str, yaml.Node] | None:
        """The keys of `node`, or None if it is none or lacks one."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} is a list of `key: value`")
            return None
        keys: dict[str, yaml.Node] = {}
        for key, value in self.pairs(node):
            if key.value in known:
                keys[key.value] = value
            else:
                self.unknown(key, "key", key.value, sorted(known), f"of {what}")
        missing = sorted(set(needed) - set(keys))
        if missing:
            self.problem(node, f"{what} needs " + " and ".join(f"`{key}`" for key in missing))
            return None
        return keys

    def entries(
        self, node: yaml.Node | None, what: str, *, names_are_new: bool = True
    ) -> Iterator[tuple[str, yaml.Node]]:
        """alias: value pairs."""
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} is a list of `name: value`")
            return
        for key, value in self.pairs(node):
            if not _ALIAS.fullmatch(key.value) or key.value == "today":
                self.problem(key, f"{key.value!r} is no name: small letters, digits, - and _")
            elif names_are_new and key.value in self.names:
                self.problem(key, f"the name {key.value!r} is taken already")
            else:
                yield key.value, value

    def pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problem(key, "a key is a word")
            elif key.value in seen:
                self.problem(key, f"{key.value!r} stands here twice")
            else:
                seen.add(key.value)
                yield key, value

    def sequence(self, node: yaml.Node | None, what: str) -> list[yaml.Node] | None:
        if isinstance(node, yaml.SequenceNode):
            return node.value
        if node is not None:
            self.problem(node, f"{what} is a list of `- …`")
        return None

    def nodes(self, node: yaml.Node) -> list[yaml.Node]:
        """The elements of a list; one thing alone counts as a list of one."""
        return node.value if isinstance(node, yaml.SequenceNode) else [node]

    def text(self, node: yaml.Node | None, what: str) -> str:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if node is not None:
            self.problem(node, f"{what} is a text")
        return ""

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        return tuple(self.text(entry, what) for entry in self.nodes(node))

    def boolean(self, node: yaml.Node) -> bool:
        text = self.text(node, "yes or no").lower()
        if text not in ("true", "false", "yes", "no"):
            self.problem(node, "yes or no belongs here")
        return text in ("true", "yes")

    def integer(self, node: yaml.Node) -> int:
        try:
            return int(self.text(node, "a number"))
        except ValueError:
            self.problem(node, "a whole number belongs here")
            return 0

    def one_of(self, node: yaml.Node, kind: str, known: Iterable[str], where: str) -> str:
        text = self.text(node, kind)
        if isinstance(node, yaml.ScalarNode) and text not in known:
            self.unknown(node, kind, text, known, where)
        return text

    # --- problems ------------------------------------------------------------------------------

    def unknown(
        self, node: yaml.Node, kind: str, word: str, known: Iterable[str], where: str
    ) -> None:
        self.problem(node, f"no {kind} {word!r} {where}".rstrip() + self.meant({word}, known))

    @staticmethod
    def meant(words: Iterable[str], known: Iterable[str]) -> str:
        known = sorted(known)
        folded = {name.casefold(): name for name in known}
        for word in sorted(words):
            near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
            if near:
                return f"; did you mean {folded[near[0]]!r}?"
        if not known:
            return "; there is none"
        return f"; there is: {', '.join(known)}" if len(known) <= 15 else ""

    def problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(_line(node), text))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _today(reference: str, today: date) -> str | None:
    match = TODAY.fullmatch(reference)
    if match is None:
        return None
    days = int(match[2] or 0) * (-1 if match[1] == "-" else 1)
    return date.fromordinal(today.toordinal() + days).isoformat()


def _sentences(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if " " in value.strip():
            yield value.strip()
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _sentences(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _sentences(part)
