"""Where things lie in the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / ".local"  # everything that is installed, started or written; not in git
DEPLOY = REPOSITORY / "deploy"
CONTROLLERS = DEPLOY / "controllers"
TEXTS = DEPLOY / "texts"
POLICY = DEPLOY / "policy" / "rules.yaml"
KAFKA_TOPICS = DEPLOY / "kafka" / "topics.yaml"
KAFKA_ACLS = DEPLOY / "kafka" / "acls.yaml"
REDIS_TEMPLATE = DEPLOY / "redis" / "redis.conf.tmpl"
REDIS_USERS = DEPLOY / "redis" / "users.yaml"
PROMETHEUS_CONFIG = DEPLOY / "prometheus" / "prometheus.yaml"
PROMETHEUS_RULES = DEPLOY / "prometheus" / "rules"
ALERTMANAGER_CONFIG = DEPLOY / "alertmanager" / "alertmanager.yaml"
KAFKA_JARS = LOCAL / "kafka" / "lib"
ISSUER_JARS = LOCAL / "issuer" / "lib"
ENV_FILE = LOCAL / "env"  # written by tools/up, read by tools/stafett
CHART = REPOSITORY / "charts" / "stafett"
