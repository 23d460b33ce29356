/**
 * What renders the SQL of revisions where a plan is made: alembic's own `upgrade --sql`, without `env.py`, which wants the user's
 * variables, and without a database. What it is asked comes as JSON on its standard input; what it finds goes line by line into a
 * file, since the revisions' files may print what they like, and may end the process.
 *
 * - Statements only: neither the transaction around them nor the lines in which alembic notes the revision.
 * - Names of parameters are not those of a driver: else every `%` would be doubled.
 * - `op.get_bind()` gives what alembic gives offline: statements become text, and nothing answers. When it was asked for and something
 *   then fails, that is why.
 *
 * https://alembic.sqlalchemy.org/en/latest/offline.html
 */
export const sqlProgram = String.raw`import io, json, os, sys, traceback
asked = json.load(sys.stdin)
os.dup2(2, 1)
sys.dont_write_bytecode = True
sys.path[:0] = asked["packages"]
tree, binds = os.path.realpath(asked["tree"]), []

def say(**fact):
    with open(asked["answer"], "a", encoding="utf-8") as file: file.write(json.dumps(fact) + "\n")

def place_of(error):
    if isinstance(error, SyntaxError): places = [(error.filename or "", error.lineno)]
    else: places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [(os.path.realpath(name), line) for name, line in places]
    inside = ["%s:%s" % (name[len(tree):], line) for name, line in inside if name.startswith(tree + "/")]
    return inside[-1] if inside else None

def failure(error):
    kind = "missing" if isinstance(error, ModuleNotFoundError) and error.name else "connection" if binds else "failed"
    module = error.name if kind == "missing" else None
    return {"kind": kind, "module": module, "words": ("%s: %s" % (type(error).__name__, error))[:500], "place": place_of(error)}

def render():
    from alembic.config import Config
    from alembic.operations import Operations
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    get_bind = Operations.get_bind
    def noted(self):
        binds.append(True)
        return get_bind(self)
    Operations.get_bind = noted
    os.chdir(asked["workdir"])
    sys.path.insert(0, asked["workdir"])
    script = ScriptDirectory(asked["folders"][0], version_locations=asked["folders"])
    steps = script._upgrade_revs("head", tuple(asked["heads"]))
    say(revisions=[{"revision": step.revision.revision, "doc": (step.revision.doc or "")[:200]} for step in steps])
    text = io.StringIO()
    with EnvironmentContext(Config("alembic.ini"), script, as_sql=True) as environment:
        environment.configure(
            dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, output_buffer=text)
        with Operations.context(environment.get_context()):
            for step in steps:
                text.seek(0)
                text.truncate()
                binds.clear()
                try: step.migration_fn()
                except BaseException as error: say(revision=step.revision.revision, failure=failure(error))
                else:
                    sql = text.getvalue().strip("\n")
                    say(revision=step.revision.revision, sql=sql[:100000], lines=sql.count("\n") + 1)

try: render()
except BaseException as error: say(failure=failure(error))
`;
