"""Redis' disk is one of the two durable stores: what a script has written is there after any restart."""

import pytest
import redis

# Two writes in one script, as the gate's are: on the disk they lie as one transaction.
SCRIPT = "redis.call('SET', KEYS[1], 'a'); redis.call('RPUSH', KEYS[2], 'b'); return 1"
KEYS = ("cases:disk:one", "cases:disk:many")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_a_script_wrote_is_there_after_a_restart(redis_server, end):
    redis_server.client("cases").eval(SCRIPT, len(KEYS), *KEYS)
    try:
        getattr(redis_server, end)()
        redis_server.start()
        assert redis_server.client("cases").get(KEYS[0]) == b"a"
        assert redis_server.client("cases").lrange(KEYS[1], 0, -1) == [b"b"]
    finally:
        redis_server.client().delete(*KEYS)


def test_nobody_gets_in_without_a_name(redis_server):
    """`default` has every right, for the loading of the disk (deploy/redis/users.yaml), and no door."""
    nobody = redis.Redis(host="127.0.0.1", port=redis_server.port)
    with pytest.raises(redis.AuthenticationError):
        nobody.ping()
    for password in (None, "x"):
        default = redis.Redis(host="127.0.0.1", port=redis_server.port, username="default", password=password)
        with pytest.raises(redis.AuthenticationError):
            default.ping()
