/**
 * What a task of `tool: alembic` runs: alembic's own command line, as the user's image has it, in which `upgrade` asks before it
 * acts. `alembic.ini` or `pyproject.toml`, `env.py`, its URL and its driver are the user's and unchanged.
 *
 * - The lock is PostgreSQL's advisory lock, on a session of its own: env.py commits after `run_migrations` has returned, and
 *   `CREATE INDEX CONCURRENTLY` waits for every transaction, so it is asked for again and again in the place of one long statement.
 *   https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 * - A second session that gets the same lock shows that sessions are shared, by a pooler between transactions: the lock is void.
 *   https://www.pgbouncer.org/features.html
 * - Heads are read under the lock, and again after env.py has committed, or failed to: what the database says then is the end.
 * - The kernel keeps SIGTERM from process 1 unless it waits for it, and Python hears it only between calls of the driver: a thread
 *   does, so that a task that is stopped does not go on.
 * - Lines that begin with the mark are for {@link readReport}. Exit codes tell the same where no log is kept.
 *
 * It travels in RunTask's overrides, which hold 8,192 characters: short, and in the words of Python 3.8 and alembic 1.0.
 */
export const alembicProgram = String.raw`import functools, json, os, signal, sys, threading, time, traceback
mark, lock_seconds, statement_seconds, folder = sys.argv[1:5]
if folder: os.chdir(folder)
sys.path[:] = [path for path in sys.path if path]  # as a console script has it: a folder "alembic" is not the package
out = os.dup(1)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), os._exit(143)), daemon=True).start()
import alembic.command, alembic.config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
KEY = int.from_bytes(b"dgstrecs", "big")
CODES = {"done": 0, "none": 0, "failed": 1, "several-heads": 80, "ahead": 81, "unreachable": 82, "locked": 83,
         "lock-timeout": 84, "statement-timeout": 85}
STATES = {"55P03": "lock-timeout", "57014": "statement-timeout"}
facts = {"end": None, "lock": "none", "database": None, "heads": [], "before": None, "after": None, "unknown": []}
holders, steps, asked = [], [], []

class Refused(Exception): pass

def say(fact):
    sys.stdout.flush()
    os.write(out, (mark + " " + json.dumps(fact) + "\n").encode())

def refuse(end, words):
    facts["end"] = end
    raise Refused(words)

def session(connection):
    return connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

def try_lock(holder):
    return holder.execute(text("SELECT pg_try_advisory_lock(%d)" % KEY)).scalar()

def prepare(connection):
    facts["database"] = connection.dialect.name
    if connection.dialect.name != "postgresql": return
    holder = session(connection)
    holders.append(holder)
    until = time.monotonic() + int(lock_seconds)
    told = False
    while not try_lock(holder):
        if time.monotonic() > until:
            refuse("locked", "another migration holds the lock of this database, after %s s still" % lock_seconds)
        if not told: print("waiting for another migration of this database", flush=True)
        told = True
        time.sleep(1)
    other = session(connection)
    shared = try_lock(other)
    if shared: other.execute(text("SELECT pg_advisory_unlock_all()"))
    other.close()
    facts["lock"] = "void" if shared else "held"
    begun = connection.in_transaction()
    scope = "LOCAL" if shared else "SESSION"
    connection.execute(text("SET %s lock_timeout = '%ss'" % (scope, lock_seconds)))
    if statement_seconds: connection.execute(text("SET %s statement_timeout = '%ss'" % (scope, statement_seconds)))
    if not begun: getattr(connection, "commit", lambda: None)()

def environment(config, script, fn, **options):
    return EnvironmentContext(config, script, fn=fn, destination_rev="head", **options)

@functools.wraps(alembic.command.upgrade)
def upgrade(config, revision, sql=False, tag=None):
    script = ScriptDirectory.from_config(config)
    asked.append((config, script))
    facts["heads"] = sorted(script.get_heads())
    if len(facts["heads"]) > 1: refuse("several-heads", "several heads: " + ", ".join(facts["heads"]))
    known = {one.revision for one in script.walk_revisions()}
    def decide(current, context):
        facts["before"] = sorted({*(facts["before"] or []), *current})
        facts["unknown"] = sorted(set(current) - known)
        if facts["unknown"]: refuse("ahead", "not in this image: " + ", ".join(facts["unknown"]))
        for step in script._upgrade_revs("head", current):
            one = step.revision
            steps.append(one.revision)
            say({"revision": one.revision, "doc": (one.doc or "")[:200]})
            yield step
    with environment(config, script, decide, tag=tag) as context:
        run = context.run_migrations
        def run_migrations(**options):
            prepare(context.get_context().connection)
            run(**options)
        context.run_migrations = run_migrations
        script.run_env()

def heads_now():
    config, script = asked[0]
    found = []
    def look(current, context):
        found.append(current)
        return []
    for pause in (0, 1, 2, 4, 8, 15):
        time.sleep(pause)
        try:
            with environment(config, script, look, dont_mutate=True): script.run_env()
        except Exception as error: print("after the heads were asked for: %s" % error, flush=True)
        if found: return sorted({one for current in found for one in current})
    return None

def end_of(error):
    if facts["end"]: return facts["end"]
    if facts["database"] is None:
        return "unreachable" if isinstance(error, (DBAPIError, ConnectionError, TimeoutError)) else "failed"
    if steps:
        facts["after"] = heads_now()
        lost = getattr(error, "connection_invalidated", False) or isinstance(error, ConnectionError)
        if facts["after"] == facts["heads"] and (error is None or lost): return "done"
        if error is None: print("env.py has ended, and the database is not at head: it does not commit", flush=True)
    elif error is None: return "none"
    cause = getattr(error, "orig", None)
    return STATES.get(getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None), "failed")

error = None
alembic.command.upgrade = upgrade
try: alembic.config.main(argv=["--raiseerr", "upgrade", "head"], prog="alembic")
except (Refused, CommandError) as refusal:
    error = refusal
    print("FAILED: %s" % refusal, flush=True)
except BaseException as caught:
    error = caught
    traceback.print_exc()
facts["end"] = end_of(error)
if facts["after"] is None and not steps: facts["after"] = facts["before"]
for holder in holders:
    try: holder.execute(text("SELECT pg_advisory_unlock_all()"))
    except Exception: pass  # it goes with the process
say(facts)
sys.stdout.flush()
os._exit(CODES[facts["end"]])
`;
