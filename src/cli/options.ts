/** An option of the command line; one that an action has as an input bears its name, its meaning and its default. */
export interface Option {
  readonly text: string;
  /** What it takes, as the help shows it; null: nothing. A list may be given more than once. */
  readonly takes: { readonly kind: "text" | "list"; readonly shown: string } | null;
  /** As the inputs of the actions have it: `true` and `false` for what takes nothing. */
  readonly default: string;
}

const text = (shown: string): Option["takes"] => ({ kind: "text", shown });
const list = (shown: string): Option["takes"] => ({ kind: "list", shown });

/** Every option there is, in the order of the help. */
export const options = {
  stack: { takes: text("path"), default: "dagster-stack.yml", text: "The stack file, from the root of the checkout." },
  environment: {
    takes: text("name"),
    default: "production",
    text: "Environment of the stack file; production is its top level.",
  },
  cluster: {
    takes: text("name"),
    default: "",
    text: "The ECS cluster to look in; empty: the only one that runs Dagster.",
  },
  "service-prefix": { takes: text("text"), default: "", text: "What the names of its ECS services begin with." },
  tag: { takes: text("key=value"), default: "", text: "A tag that its ECS services bear." },
  "cloudformation-stack": {
    takes: text("name"),
    default: "",
    text: "The CloudFormation stack that made its ECS services, as docker compose called it.",
  },
  name: {
    takes: text("name"),
    default: "",
    text: "Name of the stack; empty: that of the CloudFormation stack, or of the cluster.",
  },
  bucket: { takes: text("name[/prefix/]"), default: "", text: "S3 bucket for the lock and the records of releases." },
  url: {
    takes: text("url"),
    default: "",
    text: "Where Dagster's webserver is reached from here: it is asked for its locations.",
  },
  location: {
    takes: list("service=name"),
    default: "",
    text: "A location's name in Dagster, by the ECS service that serves or loads it, where Dagster cannot be asked.",
  },
  into: {
    takes: text("secret:name|ssm:/path/"),
    default: "",
    text: "Where secrets are kept: a key each of one secret in Secrets Manager, or a SecureString each below a path of SSM.",
  },
  variable: {
    takes: list("name"),
    default: "",
    text: "A variable of the file to import; none: those which may be secrets, by their names or forms.",
  },
  overwrite: {
    takes: list("name"),
    default: "",
    text: "A variable of which another value may be written over.",
  },
  force: { takes: null, default: "false", text: "Write over files that are there." },
  only: {
    takes: list("component"),
    default: "",
    text: "Release this only: a key of a service, an image or a migration, or a location. All else stays as it is released.",
  },
  "copy-images": {
    takes: null,
    default: "false",
    text: "Copy images that only the other environment's registry has into the one of this account and region.",
  },
  since: {
    takes: text("time"),
    default: "",
    text: "How far back: 30s, 10m, 2h or 7d; empty: ten minutes, and of a run all of it.",
  },
  follow: { takes: null, default: "false", text: "Go on with what is written from now on, until Ctrl-C." },
  to: {
    takes: text("previous|version"),
    default: "",
    text: "Go back to a version that was published before: 40 hex digits, or previous for the one that was served before.",
  },
  directory: {
    takes: text("path"),
    default: "",
    text: "Folder with the code, from the root of the checkout; empty: dags.",
  },
  module: {
    takes: text("name"),
    default: "",
    text: "Python module that Dagster loads.",
  },
  prefix: {
    takes: text("prefix/"),
    default: "",
    text: "Prefix of the location in the bucket; empty: dags/<location>/.",
  },
  layout: {
    takes: text("versions|mirror|both"),
    default: "",
    text: "Versions for the reader of this suite, plain files for readers that copy a prefix, or both; empty: versions.",
  },
  "mirror-prefix": {
    takes: text("prefix/"),
    default: "",
    text: "Prefix of the plain files; empty: that of the location.",
  },
  lock: {
    takes: text("path"),
    default: "",
    text: "Lock file of the image that runs the code: its hash is kept with the version.",
  },
  "keep-versions": {
    takes: text("count"),
    default: "",
    text: "Remove old versions, but for so many beside the one that is served; empty: none.",
  },
  "keep-days": {
    takes: text("days"),
    default: "7",
    text: "With --keep-versions: days for which a version is kept after it was served.",
  },
  validate: {
    takes: text("off|auto|on"),
    default: "auto",
    text: "Whether dagster definitions validate tries --module first, which runs the code; auto: where this python3 has Dagster.",
  },
  allow: {
    takes: list("check"),
    default: "",
    text: "A check whose findings stop nothing: docs/dags.md lists them.",
  },
  "webserver-url": {
    takes: text("url"),
    default: "",
    text: "Dagster's webserver, which is asked whether it has loaded the version; empty: nobody is asked.",
  },
  auth: {
    takes: text("secret:name"),
    default: "",
    text: "Login in front of that webserver: a JSON with username and password in Secrets Manager.",
  },
  "poll-seconds": {
    takes: text("seconds"),
    default: "",
    text: "How often a reader looks for a new version; empty: 60.",
  },
  fallback: {
    takes: text("none|image"),
    default: "",
    text: "Whether the code in the image is enough while nothing was published.",
  },
  source: {
    takes: text("owner/name[@ref]"),
    default: "",
    text: "The repository that publishes it by itself, and the branch, main unless told; empty: this one, with the stack.",
  },
  image: {
    takes: text("key"),
    default: "",
    text: "Key of the image that a code server of its own runs; empty: webserver and daemon load it.",
  },
  service: {
    takes: text("key"),
    default: "",
    text: "Key of that service in the stack file; empty: the name of the location.",
  },
  address: { takes: text("name"), default: "", text: "DNS name under which webserver and daemon reach that service." },
  port: { takes: text("number"), default: "", text: "Port that it listens on." },
  unset: { takes: list("member"), default: "", text: "A member of the location in the stack file that is to go." },
  yes: { takes: null, default: "false", text: "Go on without asking." },
  deploy: {
    takes: null,
    default: "false",
    text: "Go on with a deploy of the checkout as it is, for a trial: with --allow-dirty, as the stack file is not committed yet.",
  },
  limit: { takes: text("count"), default: "20", text: "How many releases at most." },
  reason: { takes: text("why"), default: "", text: "Why the lock is taken away. It is told to whoever held it." },
  for: {
    takes: list("command"),
    default: "deploy,rollback,status,unlock",
    text: "What the role is for: commands of docs/permissions.md.",
  },
  "dry-run": { takes: null, default: "false", text: "Plan, and change nothing." },
  "plan-hash": {
    takes: text("hash"),
    default: "",
    text: "Hash of the plan that was looked at before, as --json gives it.",
  },
  "on-plan-change": {
    takes: text("continue|fail"),
    default: "continue",
    text: "What to do when the plan is another one than --plan-hash says.",
  },
  verify: {
    takes: text("false|true|secret-keys"),
    default: "false",
    text: "Ask AWS before anything is written whether all that tasks need is there; secret-keys reads secrets for their keys, too.",
  },
  definitions: {
    takes: list("load|path"),
    default: "",
    text: "Tell what new code changes among Dagster's definitions: load loads it here; or a file of definitions/describe.py, with <location>= before its path where it does not say.",
  },
  "keep-revisions": {
    takes: text("count"),
    default: "",
    text: "Deregister old task definitions once it is committed, but for so many of each family; empty: none.",
  },
  "queued-runs": {
    takes: text("keep|cancel"),
    default: "keep",
    text: "What becomes of runs in the queue that carry code which is taken back or rolled back.",
  },
  "allow-state-loss": {
    takes: null,
    default: "false",
    text: "Release although schedules or sensors that are on, or that somebody has touched, are gone or renamed.",
  },
  "fail-early": {
    takes: null,
    default: "true",
    text: "Let tasks fail as often as ECS's circuit breaker bears it, also in a way that can only repeat.",
  },
  "in-flight": {
    takes: text("take-over|wait|fail"),
    default: "take-over",
    text: "What to do about a deployment of somebody else that is under way.",
  },
  timeout: { takes: text("minutes"), default: "30", text: "Minutes that the deployment of one service may take." },
  "on-timeout": {
    takes: text("rollback|leave"),
    default: "rollback",
    text: "What becomes of services that moved when a deployment takes longer.",
  },
  "on-cancel": {
    takes: text("leave|rollback"),
    default: "leave",
    text: "What becomes of services that moved when you press Ctrl-C.",
  },
  "allow-divergent": {
    takes: null,
    default: "false",
    text: "Release a commit that does not contain the released one.",
  },
  "allow-dirty": {
    takes: null,
    default: "false",
    text: "Release a checkout that differs from its commit, for a trial; its images get no tag of that commit.",
  },
  "lock-timeout": {
    takes: text("minutes"),
    default: "0",
    text: "Minutes to wait while somebody else releases to the stack.",
  },
  "allowed-account-ids": { takes: list("id"), default: "", text: "AWS accounts that may be touched; none: any." },
  repository: {
    takes: text("owner/name"),
    default: "",
    text: "The repository that is checked out; empty: as its remote origin says.",
  },
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof options;

/**
 * Words of the stack file, too, and of inputs that other commands do not have: what is said of them is about an option only where the
 * command takes it.
 */
export const ofFew: readonly OptionName[] = [
  "address",
  "allow",
  "auth",
  "bucket",
  "deploy",
  "directory",
  "fallback",
  "image",
  "layout",
  "location",
  "lock",
  "mirror-prefix",
  "module",
  "poll-seconds",
  "port",
  "prefix",
  "service",
  "source",
  "to",
  "unset",
  "validate",
  "yes",
];

/** Is this the name of one? */
export function isOption(name: string): name is OptionName {
  return Object.hasOwn(options, name);
}
