"""A deployment, told to a person: what will be done, and where each host stands in the end."""

import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from hybridlab.cli.table import format_table
from hybridlab.cli.terminal import notice, safe
from hybridlab.live.deploy import Deployed, Deployment, Failed, deploy


def announce(deployments: Iterable[Deployment], folder: Path) -> None:
    """Say which hosts are deployed, with which guests, by which commands."""
    for deployment in deployments:
        guests = ", ".join(guest.name for guest in deployment.host.guests)
        click.echo(f"{deployment.host}" + (f" with its guests {guests}:" if guests else ":"))
        click.echo(safe(f"  cd {shlex.quote(str(folder.absolute()))} && {shlex.join(deployment.arguments)}"))


def follow(deployments: Iterable[Deployment], folder: Path) -> bool:
    """Deploy, show where each host stands, whatever comes in between, and return whether all went well."""
    standing = {deployment.host.name: "not tried" for deployment in deployments}

    def started(deployment: Deployment) -> None:
        standing[deployment.host.name] = "not finished: look at it before the next attempt"
        notice(f"deploying {deployment.host}")

    try:
        for outcome in deploy(deployments, folder, started):
            match outcome:
                case Deployed(deployment):
                    standing[deployment.host.name] = "deployed"
                case Failed(deployment, status):
                    standing[deployment.host.name] = f"failed: nixos-rebuild ended with status {status}"
    finally:
        click.echo(format_table(["HOST", "STANDING"], standing.items()), nl=False)
    return set(standing.values()) <= {"deployed"}
