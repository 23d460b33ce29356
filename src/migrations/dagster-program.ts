/**
 * What a task of `tool: dagster` runs: `dagster instance migrate` as the image has it, with the revisions of the instance's storage
 * read before and after. Reading makes nothing: storages create their tables when they are opened, unless told not to. Two
 * `instance migrate` at once are not safe, so on PostgreSQL an advisory lock is held meanwhile, the one of the program for alembic.
 *
 * It travels in RunTask's overrides, as that one does; lines that begin with the mark and exit codes are the same.
 */
export const dagsterProgram = String.raw`import contextlib, json, os, signal, sys, threading, time, traceback
mark, lock_seconds, folder = sys.argv[1:4]
if folder: os.chdir(folder)
sys.path[:] = [path for path in sys.path if path]
out = os.dup(1)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), os._exit(143)), daemon=True).start()
from alembic.util import CommandError
from dagster._cli.instance import instance_cli
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
KEY = int.from_bytes(b"dgstrecs", "big")
CODES = {"done": 0, "none": 0, "failed": 1, "ahead": 81, "unreachable": 82, "locked": 83}
facts = {"end": None, "lock": "none", "database": None, "heads": [], "before": None, "after": None, "unknown": []}

class Refused(Exception): pass

def storage():
    data = InstanceRef.from_dir(os.environ["DAGSTER_HOME"]).storage_data
    facts["database"] = {"dagster_postgres": "postgresql", "dagster_mysql": "mysql"}.get(data.module_name.split(".")[0])
    if facts["database"] is None: return None
    config = json.dumps({**data.config_dict, "should_autocreate_tables": False})
    return ConfigurableClassData(data.module_name, data.class_name, config).rehydrate(DagsterStorage)

def versions(found):
    parts = [found.run_storage, found.event_log_storage, found.schedule_storage]
    return [part.alembic_version() for part in parts]

def hold_lock(found, stack):
    if facts["database"] != "postgresql": return
    holder = stack.enter_context(found.run_storage.connect())
    until = time.monotonic() + int(lock_seconds)
    while not holder.execute(text("SELECT pg_try_advisory_lock(%d)" % KEY)).scalar():
        if time.monotonic() > until:
            facts["end"] = "locked"
            raise Refused("another migration holds the lock of this database, after %s s still" % lock_seconds)
        time.sleep(1)
    facts["lock"] = "held"

def migrate():
    if not os.environ.get("DAGSTER_HOME"):
        raise Refused("DAGSTER_HOME is not set: there is no instance whose storage could be migrated")
    with contextlib.ExitStack() as stack:
        found = storage()
        if found:
            hold_lock(found, stack)
            facts["before"] = sorted({current for current, head in versions(found) if current})
            facts["heads"] = sorted({head for current, head in versions(found) if head})
        facts["end"] = "failed"
        try: instance_cli.main(["migrate"], prog_name="dagster instance", standalone_mode=False)
        except CommandError as error:
            if "Can't locate revision" in str(error): facts.update(end="ahead", unknown=facts["before"] or [])
            raise
        finally:
            if found: facts["after"] = sorted({current for current, head in versions(found) if current})
        facts["end"] = "done" if found is None or facts["before"] != facts["after"] else "none"

try: migrate()
except (Refused, CommandError) as refusal: print("FAILED: %s" % refusal, flush=True)
except BaseException as error:
    traceback.print_exc()
    if facts["end"] is None and isinstance(error.__cause__ or error, DBAPIError): facts["end"] = "unreachable"
facts["end"] = facts["end"] or "failed"
sys.stdout.flush()
os.write(out, (mark + " " + json.dumps(facts) + "\n").encode())
os._exit(CODES[facts["end"]])
`;
