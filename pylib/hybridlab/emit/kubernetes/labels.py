"""Labels that tell one workload's objects from another's (Kubernetes' "Recommended Labels")."""


def app_labels(workload: str) -> dict[str, str]:
    """Return the labels of everything that belongs to a workload; its selector is the same set.

    `app` is what people type after `-l`.
    """
    return {"app": workload}
