"""A second opinion on who may learn what: the rule file evaluated by code of its own, written from deploy/policy/README.md
and the catalogue's order of evaluation, never from services/lib/policy."""
