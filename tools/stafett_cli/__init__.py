"""The command line tools/stafett: one command per public call of proto/, against what runs.

One module per thing:

    commands  which call is which noun and verb
    request   a call's flags, and the request that they say
    who       tokens: for whom, and through which system
    show      an answer as a table or as JSON
    refusal   what went wrong, what to do, the exit code
    main      the parser, and one run
"""
