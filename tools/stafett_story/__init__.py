"""Plays a child's story (tests/e2e/stories/*.yaml) against a running Stafett and says who saw what.

One module per thing:
  api       proto/ as Python: which calls, messages and events there are
  people    invented people and their synthetic national numbers
  load      reads and checks a story file; a wrong one gives file, line and reason
  match     compares what was expected with what came
  calls     one gRPC call by name, for a person, repeated until it is answered
  rest      the same call as REST through the edge
  watch     the recipients' programs, the log, and the moment when nothing more will come
  play      step after step
  table     who was told what, as text
  progress  one moving line on a terminal, plain lines elsewhere
"""
