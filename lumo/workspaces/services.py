"""What concerns more than one workspace."""

from typing import Unpack

from lumo.workspaces.models import Workspace, WorkspaceSettings


def create_workspace(**settings: Unpack[WorkspaceSettings]) -> Workspace:
    """A new shop with these settings, the defaults for the others. Raises ValidationError."""
    workspace = Workspace(**settings)
    workspace.check_settings()
    workspace.save()
    return workspace
