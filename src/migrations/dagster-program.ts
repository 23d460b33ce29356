import { programPrelude } from "./program.ts";

/**
 * What a task of `tool: dagster` runs: `dagster instance migrate` as the image has it, with the revisions of the instance's storage
 * read before and after. Reading makes nothing: storages create their tables when they are opened, unless told not to. Two
 * `instance migrate` at once are not safe, so on PostgreSQL an advisory lock is held meanwhile, the one of the program for alembic.
 *
 * `dagster.yaml` names one storage, or in its older form three, which Dagster makes a `CompositeStorage` of.
 * https://github.com/dagster-io/dagster/blob/master/python_modules/dagster/dagster/_core/instance/ref.py
 */
export const dagsterProgram =
  programPrelude +
  String.raw`from dagster._cli.instance import instance_cli
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.schedules.base import ScheduleStorage
from dagster._serdes import ConfigurableClassData
KINDS = {"dagster_postgres": "postgresql", "dagster_mysql": "mysql"}
PARTS = {"run_storage": RunStorage, "event_log_storage": EventLogStorage, "schedule_storage": ScheduleStorage}
stack = contextlib.ExitStack()

def kind_of(data):
    return KINDS.get(data.module_name.split(".")[0])

def opened(data, base):
    config = json.dumps({**data.config_dict, "should_autocreate_tables": False})
    return ConfigurableClassData(data.module_name, data.class_name, config).rehydrate(base)

def storages():
    data = InstanceRef.from_dir(os.environ["DAGSTER_HOME"]).storage_data
    if data.class_name == "CompositeStorage":
        parts = {name: ConfigurableClassData(**data.config_dict[name]) for name in PARTS}
        facts["database"] = kind_of(parts["run_storage"])
        return {name: opened(part, PARTS[name]) for name, part in parts.items() if kind_of(part)}
    facts["database"] = kind_of(data)
    if facts["database"] is None: return {}
    whole = opened(data, DagsterStorage)
    return {name: getattr(whole, name) for name in PARTS}

def migrate():
    if not os.environ.get("DAGSTER_HOME"):
        raise Refused("DAGSTER_HOME is not set: there is no instance whose storage could be migrated")
    found = storages()
    def versions(): return [part.alembic_version() for part in found.values()]
    def current(): return sorted({now for now, head in versions() if now})
    if facts["database"] == "postgresql": hold_lock(lambda: stack.enter_context(found["run_storage"].connect()))
    if found:
        facts["before"] = current()
        facts["heads"] = sorted({head for now, head in versions() if head})
    facts["end"] = "failed"
    try: instance_cli.main(["migrate"], prog_name="dagster instance", standalone_mode=False)
    except CommandError as error:
        if "Can't locate revision" in str(error): facts.update(end="ahead", unknown=facts["before"])
        raise
    finally:
        if found: facts["after"] = current()
    facts["end"] = "done" if not found or facts["before"] != facts["after"] else "none"

try: migrate()
except (Refused, CommandError) as refusal: print("FAILED: %s" % refusal, flush=True)
except BaseException as error:
    traceback.print_exc()
    if facts["end"] is None and is_unreachable(error.__cause__ or error): facts["end"] = "unreachable"
facts["end"] = facts["end"] or "failed"
leave()
`;
