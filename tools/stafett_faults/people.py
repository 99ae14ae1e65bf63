"""Who calls, and the invented children they call about."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from stafett_story.load import Actor

SCHOOL, HEALTH_STATION, PPT = "r-8hq2mz", "r-w7c5ge", "r-k4j9sb"
RECIPIENTS = (SCHOOL, HEALTH_STATION, PPT)
READERS = (HEALTH_STATION, PPT)
TEACHER = Actor("teacher", "skole-record-system", "p-4tz8vq")
NURSE = Actor("nurse", "helsestasjon-record-system", "p-x6q9sb")
MACHINES = {
    SCHOOL: Actor("school", "skole-record-system"),
    HEALTH_STATION: Actor("health-station", "helsestasjon-record-system"),
    PPT: Actor("ppt", "ppt-record-system"),
}
CATEGORIES = ("PLAN", "EDUC", "CONCERN")  # that the school may give the readers, by T020


@dataclass
class Child:
    """As callers know it; what it says may be behind the truth, then a call is refused."""

    number: str
    mother: str
    name: str = ""  # controllers/…/children/…
    case: str = ""
    consents: dict[str, str] = field(default_factory=dict)  # by recipient: the valid one's name
    holder: Actor = TEACHER
    offered: bool = False
    measures: list[str] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    alone: threading.Lock = field(default_factory=threading.Lock)  # held while baton or consents change

    @property
    def guardian(self) -> Actor:
        return Actor("mother", "koordinering-record-system", self.mother, guardian=True)
