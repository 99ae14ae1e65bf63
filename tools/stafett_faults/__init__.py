"""tools/faults: a whole Stafett under load while its parts are killed, frozen, wiped, cut off and cut short, and then a
check of all that was promised meanwhile.

    people.py     who calls, and the invented children
    load.py       callers: commands, reads, the same request sent again
    faults.py     what is done to the processes, in a seeded order, and undone: of_services.py, of_redis.py, of_broker.py,
                  of_operators.py; ground.py is what they stand on
    proxy.py      a process between services and Redis or broker that cuts, delays and slices
    power.py      power cuts and full disks, with powercut.c
    tail.py       the end of a partition, cut off its segment
    aof.py        bits flipped in Redis' append-only file
    history.py    what clients were answered; plain values that the checker reads
    written.py    the same as a file
    records.py    log, ledger and recipients' topics as plain values
    lived.py      a topic as it came to be, though its end was cut off and came back elsewhere
    oracle.py     who may learn what, decided again from the log by code of its own
    checker.py    the invariants by name; no server, no clock: promised.py, stored.py, told.py, over seen.py
    report.py     the table, JSON, and the last line
    run.py        puts these together
"""
