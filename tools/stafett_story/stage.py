"""A story and a running Stafett brought together.

    with Stage(stack, story) as stage:
        result = stage.play()
"""

from __future__ import annotations

from pathlib import Path

from stafett_stack.stack import Stack
from stafett_story import api as api_
from stafett_story.calls import Caller, Credentials
from stafett_story.load import Story
from stafett_story.play import Hooks, Player, Result
from stafett_story.progress import Progress
from stafett_story.rest import RestCaller
from stafett_story.watch import Log, Marks, Outside, Recipient


class Stage:
    """The recipients' programs of one story, and what the player needs of the stack. `patience` is
    how long a step may wait: for an answer while a service is away, and for what follows from it. With
    `edge` everybody comes through it: the actors by REST, the recipients' programs by gRPC."""

    def __init__(self, stack: Stack, story: Story, *, patience: float = 15.0, edge: bool = False) -> None:
        self.stack = stack
        self.story = story
        self.api = api_.load()
        self.credentials = Credentials(stack.issuer.tokens, stack.known)
        if edge:
            assert stack.edge is not None
            self.caller: Caller = RestCaller(stack.edge.address, self.api, patience=patience)
            disclosure = stack.edge.address
        else:
            self.caller = Caller(stack.addresses(), patience=patience)
            disclosure = stack.target("disclosure")
        self.recipients = {
            alias: Recipient(
                id_,
                self.directory,
                stack.secrets,
                client_id=story.recipient_clients[alias],
                bootstrap=stack.kafka.bootstrap,
                disclosure=disclosure,
                token_url=stack.issuer.tokens.token_url,
            )
            for alias, id_ in story.recipients.items()
        }
        self.watch = Outside(
            Log(stack.kafka), Marks(stack.redis), self.recipients, stack.mail, patience=patience
        )

    @property
    def directory(self) -> Path:
        """The recipients' own files: what they have seen, their stores, their logs."""
        return self.stack.directory / "recipients"

    def __enter__(self) -> Stage:
        self.watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.close()
        self.caller.close()

    def player(
        self, *, hooks: Hooks | None = None, progress: Progress | None = None, run: str = "1"
    ) -> Player:
        """Another `run` is another child: the same story again on the same stack."""
        return Player(
            self.story, self.api, self.caller, self.credentials, self.watch,
            hooks=hooks, progress=progress, run=run, clock=self.stack,
        )  # fmt: skip

    def play(
        self, *, hooks: Hooks | None = None, progress: Progress | None = None, run: str = "1"
    ) -> Result:
        return self.player(hooks=hooks, progress=progress, run=run).play()

