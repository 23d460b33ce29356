import type { Finding } from "../domain/finding.ts";
import { type LaterJson, showAll } from "../domain/later.ts";
import type { Stack } from "../stack/stack.ts";
import { at, entriesAt, keyPlaceAt, type Path, placeAt, textAt, type Tree } from "../stack/tree.ts";
import { containerIn } from "../task-definitions/existing.ts";
import { namedIn } from "../task-definitions/variables.ts";
import { pinnedVersion } from "../images/lock.ts";
import { usedRuns } from "./hosts.ts";
import type { Observation } from "./observation.ts";

const launcherDocs = "https://docs.dagster.io/deployment/oss/deployment-options/aws";
const monitoringDocs = "https://docs.dagster.io/deployment/execution/run-monitoring";
const instanceDocs = "https://docs.dagster.io/deployment/oss/dagster-yaml";

/** Parts of a dagster.yaml that hold the database: nothing of Dagster starts without it. */
const storages = new Set(["storage", "run_storage", "event_log_storage", "schedule_storage"]);

/** What is known to go wrong with the user's own dagster.yaml. @param contents of the wanted definitions, by definition */
export function checkInstance(
  stack: Stack,
  { instanceFile, images }: Pick<Observation, "instanceFile" | "images">,
  contents: Readonly<Record<string, LaterJson>>,
): readonly Finding[] {
  if (instanceFile === null) return [];
  const { tree, others } = instanceFile;
  return [
    ...mergedFiles(stack, others),
    ...(tree === null
      ? []
      : [
          ...monitoring(stack, tree),
          ...launcher(stack, tree),
          ...variables(stack, tree, contents),
          ...driver(stack, tree, images),
        ]),
  ];
}

function mergedFiles({ instance: { dagsterYaml } }: Stack, others: readonly string[]): readonly Finding[] {
  if (dagsterYaml.kind !== "own" || others.length === 0) return [];
  return [
    {
      id: "instance-files-merge",
      level: "notice",
      where: dagsterYaml.place,
      what: `Beside ${dagsterYaml.path} there is ${others.join(", ")}. Dagster reads one file, dagster.yaml in DAGSTER_HOME, and merges none into it.`,
      fix: "Write all that holds into one file for each environment, and name that one as `instance: dagster-yaml`.",
      source: instanceDocs,
    },
  ];
}

/** What Dagster's reader, PyYAML, takes for true: https://yaml.org/type/bool.html */
const isYes = /^(?:true|yes|on)$/i;

/** Without it a run whose task is gone stays STARTED for ever, and holds its place in the queue. */
function monitoring({ runs }: Stack, tree: Tree): readonly Finding[] {
  const enabled = at(tree, ["run_monitoring", "enabled"]);
  if (runs.kind !== "ecs" || (enabled?.kind === "scalar" && isYes.test(String(enabled.value)))) return [];
  return [
    {
      id: "run-monitoring-missing",
      level: "warning",
      where: placeAt(tree, ["run_monitoring", "enabled"]),
      what: "`run_monitoring` is not enabled: a run whose task is killed, for want of memory for instance, stays STARTED for ever and keeps its place in the queue.",
      fix: "Add `run_monitoring: { enabled: true }` to dagster.yaml.",
      source: monitoringDocs,
    },
  ];
}

function launcher({ runs }: Stack, tree: Tree): readonly Finding[] {
  const is = textAt(tree, ["run_launcher", "class"])?.text ?? null;
  const config: Path = ["run_launcher", "config"];
  if (runs.kind === "in-process") {
    if (is !== "EcsRunLauncher") return [];
    return [
      {
        id: "launcher-differs",
        level: "error",
        where: placeAt(tree, ["run_launcher", "class"]),
        what: "dagster.yaml starts runs as ECS tasks (EcsRunLauncher), and the stack file says that they live in their process: no definition is made for them, and they would copy that of the daemon.",
        fix: "Remove `launcher: in-process` under `runs:`, or `run_launcher` from dagster.yaml.",
        source: launcherDocs,
      },
    ];
  }
  if (is !== "EcsRunLauncher")
    return [
      {
        id: "launcher-differs",
        level: "warning",
        where: placeAt(tree, ["run_launcher", "class"]),
        what: `dagster.yaml ${is === null ? "names no `run_launcher`" : `starts runs with ${is}`}, and the stack file says that they are ECS tasks: they would live in the process that serves their code, and end with each release.`,
        fix: "Add `run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher, config: { run_task_kwargs: … } }`; or write `runs: { launcher: in-process }`.",
        source: launcherDocs,
      },
    ];
  const definition = at(tree, [...config, "task_definition"]);
  const current = at(tree, [...config, "use_current_ecs_task_config"]);
  const isOwn =
    (definition?.kind === "map" && !definition.entries.has("env")) ||
    (current?.kind === "scalar" && current.value === false);
  return isOwn
    ? [
        {
          id: "launcher-registers",
          level: "warning",
          where: keyPlaceAt(tree, [
            ...config,
            definition?.kind === "map" ? "task_definition" : "use_current_ecs_task_config",
          ]),
          what: "The launcher is told to make task definitions of its own. Runs of the stack do not use them: they start from the definition that is registered for their location.",
          fix: "Remove it: what it says belongs under `runs:` in the stack file, or into a definition file of the runs.",
          source: launcherDocs,
        },
      ]
    : [];
}

/** Each process that loads the instance needs every variable that it names: a run does, too, in its own task. */
function variables(stack: Stack, tree: Tree, contents: Readonly<Record<string, LaterJson>>): readonly Finding[] {
  const needed = environmentIn(tree, []);
  const hosts = Object.values(stack.services).flatMap((service) =>
    service.kind === "code-location"
      ? []
      : [
          {
            who: `services.${service.key}`,
            definition: `service/${service.key}`,
            container: service.definition.container,
          },
        ],
  );
  const runs = usedRuns(stack).map(({ key, location, definition }) => {
    return { who: `runs of ${location}`, definition: `run/${key}`, container: definition.container };
  });
  return [...hosts, ...runs].flatMap(({ who, definition, container }): readonly Finding[] => {
    const content = contents[definition] === undefined ? null : showAll(contents[definition]);
    const found = content === null || container === null ? null : containerIn(content, container);
    if (found === null || Array.isArray(found["environmentFiles"])) return [];
    const has = new Set([...Object.keys(namedIn(found, "environment")), ...Object.keys(namedIn(found, "secrets"))]);
    const lacking = needed.filter(({ name }) => !has.has(name) && !/^(AWS|ECS)_/.test(name));
    const [first] = lacking;
    if (first === undefined) return [];
    const isDatabase = lacking.some(({ path }) => storages.has(String(path[0])));
    const names = [...new Set(lacking.map(({ name }) => name))].join(", ");
    return [
      {
        id: "instance-variable-missing",
        level: isDatabase ? "error" : "warning",
        where: keyPlaceAt(tree, first.path),
        what: `dagster.yaml takes ${names} from the environment, and ${who} ${lacking.length === 1 ? "does not have it" : "do not have them"}${isDatabase ? ": without its database no process of Dagster starts" : ""}.`,
        fix: "Set it under `environment` or `secrets`, at the top of the stack file for all; or in the definition file. When the image sets it, lower this check.",
        source: "https://github.com/dagster-io/dagster/issues/15395",
      },
    ];
  });
}

/**
 * From SQLAlchemy 2.1 on `postgresql://` means psycopg, version 3. dagster-postgres brings psycopg2, and Dagster's own default names no
 * driver: each of its commands ends with "No module named 'psycopg'".
 */
function driver(stack: Stack, tree: Tree, images: Observation["images"]): readonly Finding[] {
  const place = withoutDriver(tree, []);
  if (place === null) return [];
  const wrong = Object.keys(stack.images).filter((key) => {
    const lock = images[key]?.made?.lock ?? null;
    const [major = 0, minor = 0] = (pinnedVersion(lock, "sqlalchemy") ?? "0")
      .split(".")
      .map((part) => Number.parseInt(part, 10));
    const isNew = major > 2 || (major === 2 && minor >= 1);
    return isNew && pinnedVersion(lock, "dagster-postgres") !== null && pinnedVersion(lock, "psycopg") === null;
  });
  if (wrong.length === 0) return [];
  return [
    {
      id: "sqlalchemy-psycopg",
      level: "error",
      where: placeAt(tree, place),
      what: `The lock file of image ${wrong.join(", ")} has SQLAlchemy 2.1 or newer, for which \`postgresql\` without a driver means psycopg 3, and it has psycopg2 only: no process of Dagster would start ("No module named 'psycopg'").`,
      fix: "Write `scheme: postgresql+psycopg2` under `postgres_db` (of an URL, postgresql+psycopg2://…); or pin sqlalchemy<2.1; or lock psycopg. When the base has it, lower this check.",
      source: "https://docs.sqlalchemy.org/en/21/changelog/whatsnew_21.html",
    },
  ];
}

/** Where a database of PostgreSQL is named without its driver; null: nowhere, or where only the environment tells. */
function withoutDriver(tree: Tree, path: Path): Path | null {
  if (tree.kind !== "map") return null;
  const url = textAt(tree, ["postgres_url"])?.text ?? null;
  if (url !== null) return /^postgres(?:ql)?:\/\//.test(url) ? [...path, "postgres_url"] : null;
  if (at(tree, ["postgres_db"])?.kind === "map") {
    if (at(tree, ["postgres_db", "scheme", "env"]) !== null) return null;
    const scheme = textAt(tree, ["postgres_db", "scheme"])?.text ?? "postgresql";
    return scheme === "postgresql" ? [...path, "postgres_db"] : null;
  }
  for (const [key, { value }] of entriesAt(tree, [])) {
    const found = withoutDriver(value, [...path, key]);
    if (found !== null) return found;
  }
  return null;
}

/** Every `{ env: NAME }`, with its way. */
function environmentIn(tree: Tree, path: Path): readonly { readonly name: string; readonly path: Path }[] {
  if (tree.kind === "list") return tree.items.flatMap((item, index) => environmentIn(item, [...path, index]));
  if (tree.kind !== "map") return [];
  const named = tree.entries.size === 1 ? textAt(tree, ["env"]) : null;
  if (named !== null) return [{ name: named.text, path }];
  return [...entriesAt(tree, [])].flatMap(([key, { value }]) => environmentIn(value, [...path, key]));
}
