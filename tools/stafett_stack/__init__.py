"""Everything around the services: broker, Redis, token issuer, users, rights, addresses.

    from stafett_stack.stack import Stack
    with Stack(directory) as stack:
        stack.up()

One module per thing: procs (processes), paths, secrets, controllers, kafka, redis_, issuer,
services, monitoring, stack; matrix says who may do what on the broker and tries it.
"""
