"""What a container is told: variables that the manifest knows, and those of which only its Secret does."""

from hybridlab.manifest.data import Json
from hybridlab.model.workload import App


def environment_of(app: App) -> list[Json]:
    """Return the container's variables in the order of their names.

    A secret one refers to the Secret that is called like its workload. The control plane brings it into the
    cluster (modules/pod-secrets.nix); the pod waits for it.
    """
    variables: dict[str, dict[str, Json]] = {name: {"value": value} for name, value in app.env.items()}
    for name, use in app.secret_env.items():
        variables[name] = {"valueFrom": {"secretKeyRef": {"name": app.name, "key": use.data_key}}}
    return [{"name": name, **value} for name, value in sorted(variables.items())]
