/**
 * How the programs that a migration's task runs begin: what they are told, what they tell, and the lock that they act under.
 *
 * - The lock is PostgreSQL's advisory lock, on a session of its own: env.py commits after `run_migrations` has returned, and
 *   `CREATE INDEX CONCURRENTLY` waits for every transaction, so it is asked for again and again in the place of one long statement.
 *   https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 *   What cannot be given back goes with the process.
 * - A second session that gets the same lock shows that sessions are shared, by a pooler between transactions: the lock is void.
 *   https://www.pgbouncer.org/features.html
 * - A server goes on with a statement whose client is gone: one that a task has left behind, by the name of its session, is waited
 *   for under the lock, since no revision may be applied beside it.
 *   https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-CLIENT-CONNECTION-CHECK-INTERVAL
 * - An error of the driver that belongs to no statement, or ends the connection, is one of reaching the database.
 * - The kernel keeps SIGTERM from process 1 unless it waits for it, and Python hears it only between calls of the driver: a thread
 *   does, so that a task that is stopped does not go on.
 * - Modules are looked for as a console script does: a folder `alembic` where it is started is not the package.
 * - What a program prints through Python is written without the values of the variables that hold secrets: nobody else knows these,
 *   since they are named in the definition and never read. Short ones stay: they would hide words. So do those that other
 *   programs print, or that are printed in another form.
 * - Lines that begin with the mark are for {@link judgeMigration}. Exit codes tell the same where no log is kept.
 *
 * They travel packed in the overrides of RunTask, which hold 8,192 characters: short, and in the words of Python 3.8 and alembic 1.0.
 */
export const programPrelude = String.raw`import contextlib, functools, io, json, os, signal, sys, threading, time, traceback
mark, lock_seconds, *settings, secret_names, folder = sys.argv[1:]
if folder: os.chdir(folder)
os.environ["PGAPPNAME"] = mark
sys.path[:] = [path for path in sys.path if path]
out = os.dup(1)
values = [os.environ.get(name, "") for name in secret_names.split(",")]
hidden = sorted({part for value in values for part in [value, *value.split("\n")] if len(part) > 7}, key=len, reverse=True)

class Shown(io.TextIOWrapper):
    def write(self, text):
        for part in hidden: text = text.replace(part, "(hidden)")
        return super().write(text)

sys.stdout, sys.stderr = (Shown(one.buffer, one.encoding, one.errors, line_buffering=one.line_buffering) for one in (sys.stdout, sys.stderr))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Thread(target=lambda: (signal.sigwait({signal.SIGTERM}), os._exit(143)), daemon=True).start()
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout
KEY = int.from_bytes(b"dgstrecs", "big")
CODES = {"done": 0, "none": 0, "failed": 1, "several-heads": 80, "ahead": 81, "unreachable": 82, "locked": 83,
         "lock-timeout": 84, "statement-timeout": 85}
facts = {"end": None, "lock": "none", "database": None, "heads": [], "before": None, "after": None, "unknown": []}
holders = []

class Refused(Exception): pass

def say(fact):
    for stream in (sys.stdout, sys.stderr): stream.flush()
    os.write(out, (mark + " " + json.dumps(fact) + "\n").encode())

def refuse(end, words):
    facts["end"] = end
    raise Refused(words)

def lock_of(connect):
    try: holders.append(connect())
    except PoolTimeout: refuse("failed", "the lock needs two connections of its own, and the engine gives no more")
    holder = holders[-1]
    return lambda: holder.execute(text("SELECT pg_try_advisory_lock(%d)" % KEY)).scalar()

def is_left():
    holders[0].execute(text("SELECT pg_stat_clear_snapshot()"))
    return holders[0].execute(text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
        " state = 'active' AND left(application_name, 12) = 'dagster-ecs-' AND application_name <> '%s'" % mark)).scalar()

def hold_lock(connect):
    is_mine = lock_of(connect)
    until = time.monotonic() + int(lock_seconds)
    told = False
    while not is_mine() or is_left():
        if time.monotonic() > until:
            refuse("locked", "another migration holds the lock of this database, after %s s still" % lock_seconds)
        if not told: print("waiting for another migration of this database", flush=True)
        told = True
        time.sleep(1)
    shared = lock_of(connect)()
    unlock(holders.pop())
    facts["lock"] = "void" if shared else "held"
    return shared

def unlock(holder):
    try:
        holder.execute(text("SELECT pg_advisory_unlock_all()"))
        holder.close()
    except Exception: pass

def is_unreachable(error):
    if isinstance(error, DBAPIError): return error.statement is None or error.connection_invalidated
    return isinstance(error, (ConnectionError, TimeoutError))

def leave():
    for holder in holders: unlock(holder)
    say(facts)
    os._exit(CODES[facts["end"]])
`;
