import { formerDaemon, stackFile, stagedStackFile } from "./account.ts";

// Other stacks on the account of `account.ts`.

/** No code server: daemon and webserver load the location themselves, from one image. */
export const hostsStack = replaceAll(stackFile, [
  ["    code: { service: small-code, address: code.small.local, port: 4000 }\n", ""],
  [
    "files: [{ from: app, to: /app/app }] }",
    "files: [{ from: app, to: /app/app }, { from: dagster.yaml, to: /opt/dagster/dagster.yaml }, { from: workspace.yaml, to: /opt/dagster/workspace.yaml }] }",
  ],
  ["  code: { kind: code-location, image: code, location: small, module: app.main }\n", ""],
  ["{ kind: daemon, image: host }", "{ kind: daemon, image: code, locations: [small] }"],
  ["{ kind: webserver, image: host }", "{ kind: webserver, image: code, locations: [small] }"],
  [/ {2}host:\n(?: {4}.*\n)+/, ""],
]);

/** The same, with runs that live in them. */
export const inProcessStack = replaceAll(hostsStack, [
  [
    "gates: { canary: { location: small, job: canary }, ",
    "runs: { launcher: in-process, drain-minutes: 10 }\ngates: { ",
  ],
]);

/** The usual stack, whose daemon takes over from one that something else has deployed. */
export const replacingStack = replaceAll(stackFile, [
  ["{ kind: daemon, image: host }", `{ kind: daemon, image: host, replaces: ${formerDaemon} }`],
]);

const fromS3: readonly (readonly [string | RegExp, string])[] = [
  [
    "files: [{ from: app, to: /app/app }] }",
    "files: [{ from: app, to: /app/app }, { from: reader, to: /app/dag_reader }] }",
  ],
  ["location: small, module: app.main }", "location: small }"],
  ["migrations:\n", "dags: { small: { directory: dags, module: flows } }\nmigrations:\n"],
];

/** The usual stack, whose location has its code from S3. */
export const dagsStack = replaceAll(stackFile, fromS3);

/** The same in two environments, each with a bucket of its own. */
export const dagsStagedStack = replaceAll(stagedStackFile, fromS3);

/** Hosts that load the location from S3 themselves, and hold its runs. */
export const dagsHostsStack = replaceAll(inProcessStack, [
  ["[{ from: app, to: /app/app }, ", "[{ from: app, to: /app/app }, { from: reader, to: /app/dag_reader }, "],
  ["workspace: workspace.yaml }", "workspace: s3 }"],
  ["migrations:\n", "dags: { small: { directory: dags, module: flows } }\nmigrations:\n"],
]);

/** The same with one more location, at the end; its code is in `more`. */
export const twoLocationsStack = replaceAll(dagsHostsStack, [
  [/locations: \[small\]/, "locations: [small, more]"],
  [/locations: \[small\]/, "locations: [small, more]"],
  ["module: flows } }", "module: flows }, more: { directory: more, module: flows } }"],
]);

/** Further files of the first commit of these two. */
export const dagsFiles: Readonly<Record<string, string>> = {
  "dags/flows.py": "VERSION = 1\n",
  "dags/words.txt": "one\n",
  "reader/__main__.py": "print('the reader')\n",
  "reader/listed.py": "print('it knows lists')\n",
  "dagster.yaml": "run_launcher: { module: dag_reader.launcher, class: PlannedCodeRunLauncher }\n",
};

function replaceAll(text: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((now, [from, to]) => {
    if (typeof from === "string" ? !now.includes(from) : !from.test(now))
      throw new Error(`the stack has no ${String(from)}`);
    return now.replace(from, to);
  }, text);
}
