import type { Imported } from "./import.ts";
import { type Doing, stackFileLines } from "./plan.ts";

/** For people: what was kept where, how the stack file names it, and where it still stands in plain text. */
export function wordsOfImported(imported: Imported): readonly string[] {
  const { store, file, home, isDone, variables, left, empty, holders, readable } = imported;
  const place = store.kind === "secret" ? `secret ${store.name}` : `SSM, below ${store.path}`;
  const statement = { Effect: "Allow", Action: readable.action, Resource: readable.resources };
  return [
    `${isDone ? "Imported" : "Would import"} from ${file} to ${place}, in account ${home.account}, ${home.region}:`,
    ...variables.map(({ name, does }) => `  ${name}: ${doings[does]}`),
    ...(empty.length === 0 ? [] : [`Not imported, since they are empty, which SSM does not take: ${empty.join(", ")}`]),
    ...(left.length === 0
      ? []
      : [`Left in ${file}, for \`environment:\` (\`--variable\` imports them, too): ${left.join(", ")}`]),
    "",
    "For the stack file, in the place of the plain text:",
    ...stackFileLines(imported).map((line) => `  ${line}`),
    "",
    `Execution roles must be allowed to read them${holders.executionRoles.length === 0 ? "" : ` (${holders.executionRoles.join(", ")})`}; with a KMS key of your own also kms:Decrypt on it:`,
    `  ${JSON.stringify(statement)}`,
    "",
    ...wordsOfHolders(imported),
    ...(isDone ? [] : ["Nothing was written. Without `--dry-run` it is."]),
  ];
}

const doings: Readonly<Record<Doing, string>> = {
  create: "new",
  same: "the same value is there already",
  overwrite: "writes over another value",
  differs: "another value is there",
};

function wordsOfHolders({ holders: { found, notLooked } }: Imported): readonly string[] {
  if (notLooked !== null) return [`Task definitions that hold them in plain text were not looked for: ${notLooked}`];
  if (found.length === 0) return ["No task definition of the services holds one of them in plain text."];
  return [
    "Task definitions that hold them in plain text:",
    ...found.map(({ revision, status, services, containers }) => {
      const runs = services.length === 0 ? status.toLowerCase() : `runs as ${services.join(", ")}`;
      const names = containers.map((one) => `${one.container}: ${one.names.join(", ")}`).join("; ");
      return `  ${revision} (${runs}) ${names}`;
    }),
    "Whoever may call ecs:DescribeTaskDefinition reads them there, also in inactive ones. Once a release runs without them, and nothing is gone back to with them: `aws ecs deregister-task-definition`, then `aws ecs delete-task-definitions`; and rotate the values. Definitions that Dagster itself registered for runs (families run_…) have copies.",
  ];
}
