"""Looking things up in rendered manifests."""

RELEASE = "stafett"


def of(manifests: list[dict], kind: str) -> dict[str, dict]:
    """All of a kind by name."""
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def one(manifests: list[dict], kind: str, service: str) -> dict:
    return of(manifests, kind)[f"{RELEASE}-{service}"]


def pod(manifests: list[dict], service: str) -> dict:
    return one(manifests, "Deployment", service)["spec"]["template"]


def selects(labels: dict[str, str], pod_: dict) -> bool:
    return labels.items() <= pod_["metadata"]["labels"].items()


def mounted(manifests: list[dict], service: str) -> list[tuple[str, str, str, str]]:
    """(kind, name, key, path below /etc/stafett) of every file that a service's pod gets."""
    (volume,) = pod(manifests, service)["spec"]["volumes"]
    found = []
    for source in volume["projected"]["sources"]:
        ((kind, what),) = source.items()
        found += [(kind, what["name"], item["key"], item["path"]) for item in what["items"]]
    return found
