"""People and record systems of deploy/controllers/steinkjer.yaml that tools and tests act as without a story."""

from __future__ import annotations

from stafett_story.load import Actor

SCHOOL, HEALTH_STATION, PPT = "r-8hq2mz", "r-w7c5ge", "r-k4j9sb"
READERS = (HEALTH_STATION, PPT)
TEACHER = Actor("teacher", "skole-record-system", "p-4tz8vq")
NURSE = Actor("nurse", "helsestasjon-record-system", "p-x6q9sb")
MACHINES = {
    SCHOOL: Actor("school", "skole-record-system"),
    HEALTH_STATION: Actor("health-station", "helsestasjon-record-system"),
    PPT: Actor("ppt", "ppt-record-system"),
}
