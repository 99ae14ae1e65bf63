"""Small stories for the tests."""

HEAD = """\
title: A small story
children:
  mina: {name: Mina Testdatter, born: 2017-05-14}
guardians:
  mother: {name: Solvor Testdatter, relation: MOTHER, through: skole-record-system}
recipients:
  school: r-skole1
  health: r-helse1
actors:
  teacher: {person: p-teach1, through: skole-record-system}
steps:
"""
HEAD_LINES = HEAD.count("\n")

CONCERN = """\
  - step: The teacher notes a concern
    id: concern
    who: teacher
    does: cases.NoteConcern
    with: {child: controllers/c-1/children/1, concern: Hun er blitt stille.}
    save: {case: case}
"""
