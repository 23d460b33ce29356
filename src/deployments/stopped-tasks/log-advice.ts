/** What a line in the log of a container that exited usually means. */
export interface LogAdvice {
  /** What happened, as a clause. */
  readonly what: string;
  readonly fix: string;
  /** It may be gone when the next task starts: a database that fails over, a name that is new. */
  readonly passes: boolean;
  readonly source: string;
}

interface Row extends LogAdvice {
  readonly line: RegExp;
}

const psycopg = "https://www.postgresql.org/docs/current/libpq-connect.html";
const dagsterYaml = "https://docs.dagster.io/deployment/oss/oss-instance-configuration";
const boto3 = "https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html";
const exceptions = "https://docs.python.org/3/library/exceptions.html";
const errno = "https://man7.org/linux/man-pages/man3/errno.3.html";

/** From the most telling to the least. */
const rows: readonly Row[] = [
  {
    line: /exec format error/i,
    what: "the program is made for another CPU architecture than the task has",
    fix: "Make the image for the platform that the task definition names (`runtimePlatform`), or change that.",
    passes: false,
    source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html",
  },
  {
    line: /could not translate host name|Name or service not known|Temporary failure in name resolution/i,
    what: "a host name is not known to the task",
    fix: "Check the host name of the database (or of the code server) in the environment, and that it is one of this VPC.",
    passes: true,
    source: psycopg,
  },
  {
    line: /password authentication failed/i,
    what: "the database refuses the user or the password",
    fix: "Check user and password in the secret. A password that was rotated reaches a service with its next deployment.",
    passes: false,
    source: psycopg,
  },
  {
    line: /no pg_hba\.conf entry|SSL (?:connection )?(?:is )?required|no encryption/i,
    what: "the database refuses how it is connected to: usually it wants TLS",
    fix: "Add `sslmode=require` to the connection (in dagster.yaml: `params: { sslmode: require }`).",
    passes: false,
    source: psycopg,
  },
  {
    line: /database "[^"]*" does not exist/i,
    what: "the database that is named does not exist on its server",
    fix: "Create it, or correct its name in the environment.",
    passes: false,
    source: psycopg,
  },
  {
    line: /relation "[^"]*" does not exist|UndefinedTable/i,
    what: "a table is missing in the database",
    fix: "Its migrations have not run there: see `migrations:` of the stack file.",
    passes: false,
    source: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
  },
  {
    line: /too many (?:connections|clients)|remaining connection slots/i,
    what: "the database has no connection left",
    fix: "Let fewer processes connect at once, or give the database more connections.",
    passes: true,
    source: "https://www.postgresql.org/docs/current/runtime-config-connection.html",
  },
  {
    line: /the database system is (?:starting up|shutting down|in recovery)/i,
    what: "the database is not up yet",
    fix: "Wait until it is, and deploy again.",
    passes: true,
    source: psycopg,
  },
  {
    line: /AdminShutdown|terminating connection due to administrator command|connection already closed|cannot execute .* in a read-only transaction|server closed the connection unexpectedly/i,
    what: "the database has ended the connection, or takes no writes just now: it fails over, or is restarted",
    fix: "Wait until it is up again, and deploy again. If it stays so, check that the host name is that of the writer.",
    passes: true,
    source: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
  },
  {
    line: /Throttling(?:Exception)?|TooManyRequests|Rate exceeded|SlowDown|RequestLimitExceeded/i,
    what: "AWS answers more slowly than the program asks",
    fix: "Let the program ask less often, or repeat with pauses (boto3: `retries: { mode: adaptive }`).",
    passes: true,
    source: "https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html",
  },
  {
    line: /\b(?:Read|Connect|Connection)Time(?:d )?out(?:Error)?\b|\btimed out\b|ConnectionResetError|Connection reset by peer/i,
    what: "a server that the program needs did not answer in time",
    fix: "Check that the task reaches it: subnets, security groups, proxy; and deploy again if it was away.",
    passes: true,
    source: exceptions,
  },
  {
    line: /connection (?:to server .*failed|refused|timed out)|could not connect to server|OperationalError/i,
    what: "the database, or another server, cannot be reached from the task",
    fix: "Check host, port and the security group of the database: it must let the task's in.",
    passes: true,
    source: psycopg,
  },
  {
    line: /NoRegionError|You must specify a region/i,
    what: "boto3 does not know the region",
    fix: "Set AWS_DEFAULT_REGION in the environment: boto3 does not read AWS_REGION.",
    passes: false,
    source: boto3,
  },
  {
    line: /NoCredentialsError|Unable to locate credentials/i,
    what: "boto3 finds no credentials",
    fix: "Give the task definition a task role.",
    passes: false,
    source: boto3,
  },
  {
    line: /AccessDenied|is not authorized to perform/i,
    what: "the task role may not do what the program wants",
    fix: "Allow the task role (not the execution role) the action that the line names.",
    passes: false,
    source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html",
  },
  {
    line: /ModuleNotFoundError|No module named/i,
    what: "a Python module is not in the image",
    fix: "Add its package to the lock file of the image, or the folder of the module to its files.",
    passes: false,
    source: exceptions,
  },
  {
    line: /cannot open shared object file/i,
    what: "a shared library is not in the image",
    fix: "Use a base image that has the library.",
    passes: false,
    source: "https://man7.org/linux/man-pages/man8/ld.so.8.html",
  },
  {
    line: /DagsterInvalidConfigError|Errors while loading Dagster instance config|PostProcessingError|environment variable .* (?:is )?not (?:been )?set/i,
    what: "Dagster does not accept its configuration",
    fix: "Check dagster.yaml, and that each variable which it names is in the environment.",
    passes: false,
    source: dagsterYaml,
  },
  {
    line: /SyntaxError|IndentationError|ImportError|DagsterImportError/i,
    what: "the code cannot be loaded",
    fix: "The traceback names file and line; `dagster definitions validate` finds it before a deploy.",
    passes: false,
    source: "https://docs.dagster.io/api/clis/cli",
  },
  {
    line: /Dagster\w*(?:Definition|Invariant)\w*Error/i,
    what: "Dagster does not accept the definitions",
    fix: "`dagster definitions validate` finds it before a deploy.",
    passes: false,
    source: "https://docs.dagster.io/api/clis/cli",
  },
  {
    line: /KeyError: '[A-Z][A-Z0-9_]+'/,
    what: "a variable is missing in the environment",
    fix: "Add it under `environment:` or `secrets:` of the stack file.",
    passes: false,
    source: exceptions,
  },
  {
    line: /address already in use|Failed to bind to address/i,
    what: "the port is taken by another process of the task",
    fix: "Give each container of the task a port of its own.",
    passes: false,
    source: errno,
  },
  {
    line: /Read-only file system/i,
    what: "the program writes where nothing may be written",
    fix: "Let it write to a volume, or do without `readonlyRootFilesystem`.",
    passes: false,
    source: errno,
  },
  {
    line: /permission denied for (?:schema|table|relation|sequence|database)/i,
    what: "the user of the database may not do what the program wants",
    fix: "Grant the user what the line names.",
    passes: false,
    source: "https://www.postgresql.org/docs/current/sql-grant.html",
  },
  {
    line: /Permission denied/i,
    what: "the user of the container may not read, write or run a file",
    fix: "Check owner and mode of the file in the image, and the image's user.",
    passes: false,
    source: errno,
  },
  {
    line: /MemoryError|Cannot allocate memory/i,
    what: "the program takes more memory than it has",
    fix: "Give the task definition more memory, or let the program need less.",
    passes: false,
    source: exceptions,
  },
];

/** @param log the last lines of a container; the last line that is known tells most. @returns null when none is known */
export function logAdviceOf(log: string): LogAdvice | null {
  for (const line of log.split("\n").reverse()) {
    const found = rows.find((row) => row.line.test(line));
    if (found === undefined) continue;
    const { line: _, ...advice } = found;
    return advice;
  }
  return null;
}
