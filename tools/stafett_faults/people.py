"""Who calls, and the invented children they call about."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from stafett_story.load import Actor
from stafett_story.steinkjer import NURSE, READERS, SCHOOL, TEACHER

RECIPIENTS = (SCHOOL, *READERS)
CATEGORIES = ("PLAN", "EDUC", "CONCERN")  # that the school may give the readers, by T020


@dataclass
class Child:
    """As callers know it; what it says may be behind the truth, then a call is refused."""

    number: str
    mother: str
    names: dict[Actor, str] = field(default_factory=dict)  # controllers/…/children/…, as each has it
    case: str = ""
    consents: dict[str, str] = field(default_factory=dict)  # by recipient: the valid one's name
    holder: Actor = TEACHER
    measures: list[str] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    contributions: list[str] = field(default_factory=list)  # that wait for an answer
    alone: threading.Lock = field(default_factory=threading.Lock)  # held while baton or consents change

    @property
    def other(self) -> Actor:
        """Who takes the baton next."""
        return NURSE if self.holder == TEACHER else TEACHER

    @property
    def guardian(self) -> Actor:
        return Actor("mother", "koordinering-record-system", self.mother, guardian=True)
