"""What the launcher does when the daemon knows of the planned version, and the server answers for another. Fails when that is wrong."""

from types import SimpleNamespace

from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import DefaultRunLauncher

from dag_reader.launcher import PlannedCodeRunLauncher

handed_over = []
DefaultRunLauncher.launch_run = lambda self, context: handed_over.append(context)


def launched(folder: str, server_id: str) -> bool:
    planned = ModuleCodePointer("shop", "defs", folder)
    repository = SimpleNamespace(
        repository_name="all", code_location_origin=SimpleNamespace(location_name="shop"), code_pointer=planned
    )
    run = SimpleNamespace(
        remote_job_origin=SimpleNamespace(repository_origin=repository),
        job_code_origin=SimpleNamespace(repository_origin=repository),
    )
    location = SimpleNamespace(
        repository_code_pointer_dict={"all": planned}, client=SimpleNamespace(get_server_id=lambda: server_id)
    )
    workspace = SimpleNamespace(get_code_location=lambda name: location)
    handed_over.clear()
    try:
        PlannedCodeRunLauncher().launch_run(SimpleNamespace(dagster_run=run, workspace=workspace))
    except DagsterLaunchFailedError as error:
        assert "has other code by now" in str(error), error
    return handed_over != []


planned, other = "a" * 40, "b" * 40
assert launched(f"/dags/shop/versions/{planned}", f"{planned}.01234567")
assert not launched(f"/dags/shop/versions/{planned}", f"{other}.01234567")
assert launched("/app", "of-an-image")
