"""A run launcher of Dagster for runs that are no tasks of their own: each starts on the code that it was planned with."""

import os
import re

from dagster import DagsterInvariantViolationError
from dagster._core.errors import DagsterCodeLocationLoadError, DagsterLaunchFailedError
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._grpc.server import GrpcServerProcess

from .named import fetch_named
from .settings import SettingsError, read_settings
from .store import StoreError
from .versions import BadVersion


class PlannedCodeRunLauncher(DefaultRunLauncher):
    """
    Dagster's own launcher asks whatever server the location has when the run leaves the queue. This one compares the code that the
    server has with the code that the run was planned with. When they differ, the run gets a server of its own, on the folder that it was
    planned in, which ends with it.
    """

    def launch_run(self, context):
        run = context.dagster_run
        if context.workspace is None or run.remote_job_origin is None or run.job_code_origin is None:
            raise DagsterInvariantViolationError("a run can be launched only with its workspace and its origin")
        repository = run.remote_job_origin.repository_origin
        planned_in = repository.code_location_origin
        planned = run.job_code_origin.repository_origin.code_pointer
        loads_itself = isinstance(planned_in, ManagedGrpcPythonEnvCodeLocationOrigin)
        try:
            location = context.workspace.get_code_location(planned_in.location_name)
        except DagsterCodeLocationLoadError:
            # The newest version cannot be imported: that one this run does not need.
            if not loads_itself:
                raise
            location = None
        if location is not None and location.repository_code_pointer_dict.get(repository.repository_name) == planned:
            # What the daemon knows of a code server may be of before a switch.
            if loads_itself or _serves(location.client, planned):
                return super().launch_run(context)
        if not loads_itself:
            raise DagsterLaunchFailedError(
                f"This run was planned with {planned}, and the code server of {planned_in.location_name} has other code by now. "
                "Launch it again; or let runs be tasks of their own, which keep the code that they were planned with."
            )
        self._fetch(planned_in.loadable_target_origin.working_directory)
        with GrpcServerProcess(
            instance_ref=self._instance.get_ref(),
            location_name=planned_in.location_name,
            loadable_target_origin=planned_in.loadable_target_origin,
            startup_timeout=self._instance.code_server_process_startup_timeout,
        ) as server:
            self.launch_run_from_grpc_client(self._instance, run, server.create_client())
        self._run_ids.add(run.run_id)
        return None

    def _fetch(self, folder):
        """A run that has waited for long may have a version that is no longer kept on this disk."""
        if folder is None or os.path.isdir(folder):
            return
        try:
            fetch_named(read_settings(), folder)
        except (SettingsError, StoreError, BadVersion) as error:
            raise DagsterLaunchFailedError(f"The code that this run was planned with cannot be had: {error}") from error


def _serves(client, planned) -> bool:
    """Asks the server that a run would be given to. Only one of the reader has the version in its id, and can change under its address."""
    version = os.path.basename(getattr(planned, "working_directory", None) or "")
    return re.fullmatch(r"[0-9a-f]{40}", version) is None or client.get_server_id().startswith(version)
