"""The budget table, measured: a whole Stafett, callers in C++ (tests/bench), each row beside its floor in the same run."""
