"""Topics, users and rights in a cluster are those of the local broker: deploy/kafka, nothing more, nothing less."""

import pytest

from rendered import of
from stafett_stack import chart, paths, rights
from stafett_stack.kafka import partition_count, topics
from stafett_stack.matrix import Matrix
from stafett_stack.rights import Right

OPERATION = {"Read": "READ", "Write": "WRITE", "Describe": "DESCRIBE", "DescribeConfigs": "DESCRIBE_CONFIGS"}


def granted(manifests):
    found = []
    for name, user in of(manifests, "KafkaUser").items():
        assert user["spec"]["authorization"]["type"] == "simple"
        for acl in user["spec"]["authorization"]["acls"]:
            assert (acl["type"], acl["host"], acl["resource"]["patternType"]) == ("allow", "*", "literal")
            kind, what = acl["resource"]["type"].upper(), acl["resource"]["name"]
            found += [Right(name, kind, what, OPERATION[operation]) for operation in acl["operations"]]
    assert len(found) == len(set(found))
    return frozenset(found)


def test_rights_are_those_of_the_file(manifests, recipients):
    assert granted(manifests) == rights.load(paths.KAFKA_ACLS, recipients)


def test_principals_by_topics_by_operations_are_the_same(manifests, recipients):
    """The matrix that tests/e2e/test_acl_matrix.py tries on a broker, for the recipients of deploy/controllers."""
    wanted = rights.load(paths.KAFKA_ACLS, recipients)
    matrix = Matrix(
        tuple(sorted({right.principal for right in wanted})),
        tuple(of(manifests, "KafkaTopic")),
        tuple(sorted({right.name for right in wanted if right.kind == "GROUP"})),
    )
    assert matrix.principals == tuple(sorted(of(manifests, "KafkaUser")))
    expected = matrix.expected(wanted)
    assert matrix.expected(granted(manifests)) == expected
    assert 0 < sum(expected.values()) < len(expected)


def test_topics_are_those_of_the_file(manifests, recipients):
    wanted = {t.topic: t for t in topics(recipients, partition_count("default"))}
    found = of(manifests, "KafkaTopic")
    assert found.keys() == wanted.keys()
    for name, topic in found.items():
        config = dict(topic["spec"]["config"])
        assert config.pop("min.insync.replicas") == "2"  # a cluster's own; the local broker is alone
        assert config == wanted[name].config
        assert topic["spec"]["partitions"] == wanted[name].num_partitions
        assert topic["spec"]["replicas"] == 3


def test_no_topic_goes_with_the_release_and_every_user_does(manifests):
    """A removed topic is a lost log; a removed recipient must not keep its login."""
    for topic in of(manifests, "KafkaTopic").values():
        assert topic["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for user in of(manifests, "KafkaUser").values():
        assert "annotations" not in user["metadata"]


def test_recipients_log_in_by_scram_and_services_by_the_listeners_own(manifests, recipients):
    """services/decisions/0003: PLAIN is the listener's, so the operator keeps no password for a service."""
    for name, user in of(manifests, "KafkaUser").items():
        is_recipient = name in {rights.principal_of(recipient) for recipient in recipients}
        assert user["spec"].get("authentication") == ({"type": "scram-sha-512"} if is_recipient else None)


@pytest.mark.parametrize("names", [("r-aaaaaa",), ("r-aaaaaa", "r-bbbbbb")])
def test_recipients_are_those_of_the_values(values, names):
    text = "recipients:\n" + "".join(f"  - id: {name}\n" for name in names)
    values["controllers"] = {"files": {"some.yaml": text}}
    found = chart.render(values)
    assert granted(found) == rights.load(paths.KAFKA_ACLS, names)
    assert of(found, "KafkaTopic").keys() == {t.topic for t in topics(names, 1)}
