import { programPrelude } from "./program.ts";

/**
 * What a task of `tool: alembic` runs: alembic's own command line, as the user's image has it, in which `upgrade` asks before it
 * acts. `alembic.ini` or `pyproject.toml`, `env.py`, its URL and its driver are the user's and unchanged.
 *
 * - Heads are read under the lock, and again after env.py has committed, or failed to: what the database says then is the end.
 * - Models are compared when that is asked, by `alembic check` on a connection of its own, while the lock is held still. Whatever
 *   comes of it, the exit code tells of the schema only. Older versions give all that differs as one text. What is told fits into a
 *   line of a log, which holds 16 KB: a character may take six bytes of it.
 *   https://alembic.sqlalchemy.org/en/latest/autogenerate.html#running-alembic-check-to-test-for-new-upgrade-operations
 */
export const alembicProgram =
  programPrelude +
  String.raw`import alembic.command, alembic.config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
STATES = {"55P03": "lock-timeout", "57014": "statement-timeout"}
[statement_seconds, compares], steps, asked = settings, [], []

def session(connection):
    return connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

def prepare(connection):
    facts["database"] = connection.dialect.name
    if connection.dialect.name != "postgresql": return
    shared = hold_lock(lambda: session(connection))
    begun = connection.in_transaction()
    scope = "LOCAL" if shared else "SESSION"
    connection.execute(text("SET %s lock_timeout = '%ss'" % (scope, lock_seconds)))
    if statement_seconds: connection.execute(text("SET %s statement_timeout = '%ss'" % (scope, statement_seconds)))
    if not begun: getattr(connection, "commit", lambda: None)()

def environment(config, script, fn, **options):
    return EnvironmentContext(config, script, fn=fn, destination_rev="head", **options)

def look_at(script):
    facts["heads"] = sorted(script.get_heads())
    if len(facts["heads"]) > 1: refuse("several-heads", "several heads: " + ", ".join(facts["heads"]))

@functools.wraps(alembic.command.upgrade)
def upgrade(config, revision, sql=False, tag=None):
    look_at(ScriptDirectory.from_config(config))
    script = ScriptDirectory.from_config(config)  # another one: env.py may yet say where its revisions are
    asked.append((config, script))
    def decide(current, context):
        known = {one.revision for one in script.walk_revisions()}
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
            look_at(script)
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
        return "unreachable" if is_unreachable(error) else "failed"
    if steps:
        facts["after"] = heads_now()
        lost = getattr(error, "connection_invalidated", False) or isinstance(error, ConnectionError)
        if facts["after"] == facts["heads"] and (error is None or lost): return "done"
        if error is None: print("env.py has ended, and the database is not at head: it does not commit", flush=True)
    elif error is None: return "none"
    cause = getattr(error, "orig", None)
    return STATES.get(getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None), "failed")

def word(one):
    found = [getattr(one, name, None) for name in ("fullname", "name", "arg")]
    return next((str(each) for each in found if each is not None), str(one))

def words(diff):
    if isinstance(diff, list): return "; ".join(map(words, diff))
    return " ".join(word(one) for one in diff if one is not None and not isinstance(one, dict))

def models():
    if not hasattr(alembic.command, "check"): return {"why": "alembic %s has no check" % alembic.__version__}
    found = []
    try: alembic.command.check(asked[0][0])
    except BaseException as error:
        if "DiffsDetected" not in type(error).__name__: return {"why": repr(error)[:500]}
        found = list(map(words, getattr(error, "diffs", [(error,)])))
    for one in found: print("models differ: " + one, flush=True)
    each = 2400 // (len(found[:20]) or 1)
    return {"count": len(found), "differ": [one[:each] for one in found[:20]]}

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
if compares and facts["end"] in ("done", "none"): say({"models": models()})
leave()
`;
