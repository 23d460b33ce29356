import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import * as z from "zod";
import { isMap, type Json, type JsonMap } from "../src/domain/json.ts";
import { existingFile } from "../src/task-definitions/existing.ts";
import { faultsOf } from "../src/task-definitions/judge.ts";
import { readOnlyMembers } from "../src/task-definitions/read-only.ts";
import { type Bed, startBed } from "../test/local-aws/bed.ts";
import { installedPackages } from "../test/local-aws/backing/python-packages.ts";
import { runStep } from "../test/runner/run-step.ts";
import { countOf, type Differences, differences } from "./definitions/differences.ts";
import { peers } from "./peers.ts";
import { type Row, row } from "./rows.ts";

/**
 * Task definitions that others have published, each given one new image and registered: what of them is lost on the way, by ours and by
 * peers. BENCH_DEFINITIONS has `<owner>/<name>/<path>` of each line of definitions/public.txt. What was found is told on standard error.
 */
export async function measure(): Promise<readonly Row[]> {
  const definitions = await published();
  if (definitions.length === 0) return [];
  const bed = await startBed();
  try {
    const sent: Sent[] = [];
    for (const definition of definitions) sent.push(await throughOurs(bed, definition));
    const theirs = await throughAction(bed, definitions);
    const copied = await throughEcsDeploy(bed, definitions);
    const rows = [
      row("definitions", "definitions", definitions.length, null),
      row("values in them", "values", sum(definitions.map(({ content }) => countOf(content ?? {}))), null),
    ];
    for (const peer of [theirs, copied]) if (peer !== null) rows.push(...figures(sent, peer.sent, peer.name));
    return [...rows, ...(await botocoreSays(bed, definitions, sent)), ...findings(definitions)];
  } finally {
    await bed.close();
  }
}

/** A file that somebody has published. */
interface Published {
  /** `owner/name path` */
  readonly name: string;
  readonly text: string;
  /** What RegisterTaskDefinition could be given for it: without members that AWS adds, and that are null. null: it is no JSON. */
  readonly content: JsonMap | null;
  /** Of its first container. */
  readonly container: string;
  /** The new one. */
  readonly image: string;
}

/** What became of it in somebody's hands. */
interface Sent {
  readonly input: JsonMap | null;
  readonly differences: Differences | null;
  /** Why it was not registered; null: it was. */
  readonly refused: string | null;
}

async function published(): Promise<readonly Published[]> {
  const folder = process.env["BENCH_DEFINITIONS"];
  const list = await readFile(join(import.meta.dirname, "definitions", "public.txt"), "utf8");
  const found: Published[] = [];
  for (const [index, line] of list.trim().split("\n").entries()) {
    const [sha256 = "", commit = "", repository = "", path = ""] = line.split(" ");
    const file = folder === undefined ? "" : join(folder, repository, path);
    if (folder === undefined || !existsSync(file)) {
      console.error(`not measured: ${repository}@${commit}: BENCH_DEFINITIONS has no ${repository}/${path}`);
      continue;
    }
    const bytes = await readFile(file);
    if (createHash("sha256").update(bytes).digest("hex") !== sha256)
      throw new Error(`${file} is not the file of commit ${commit}`);
    const content = contentOf(bytes.toString("utf8"));
    const [first] = content === null ? [] : containersIn(content);
    found.push({
      name: `${repository} ${path}`,
      text: bytes.toString("utf8"),
      content,
      container: typeof first?.["name"] === "string" ? first["name"] : "",
      // No two are alike: who finds a revision that is equal need not register it.
      image: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/app@sha256:${String(index).padStart(64, "0")}`,
    });
  }
  return found;
}

function contentOf(written: string): JsonMap | null {
  let read: Json;
  try {
    read = JSON.parse(written) as Json;
  } catch {
    return null;
  }
  const inner = isMap(read) && isMap(read["taskDefinition"]) ? read["taskDefinition"] : read;
  if (!isMap(inner)) return null;
  return withoutNulls(
    Object.fromEntries(Object.entries(inner).filter(([key]) => !readOnlyMembers.has(key))),
  ) as JsonMap;
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutNulls);
  if (!isMap(value)) return value;
  const there = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(there.map(([key, member]) => [key, withoutNulls(member)]));
}

function containersIn(content: JsonMap): readonly JsonMap[] {
  const list = content["containerDefinitions"];
  return Array.isArray(list) ? (list as readonly Json[]).filter(isMap) : [];
}

/** The definition with what is asked: its first container has the new image. */
function asked({ content, container, image }: Published, basis = content): JsonMap | null {
  if (basis === null) return null;
  const containers = containersIn(basis).map((one) => (one["name"] === container ? { ...one, image } : one));
  return { ...basis, containerDefinitions: containers };
}

/** register-task-def, from the bundle, as a process. */
async function throughOurs(bed: Bed, definition: Published): Promise<Sent> {
  const caller = callerOf("ours", definition);
  const workspace = join(bed.folder, caller);
  await mkdir(workspace);
  await writeFile(join(workspace, "task-definition.json"), definition.text);
  const environment = { ...bed.environment(caller), ...bed.mark };
  const { exitCode, annotations, log } = await runStep(
    { workspace, repository: "owner/name", runId: 1, folder: workspace, environment },
    {
      action: "actions/register-task-def",
      with: {
        "task-definition": "task-definition.json",
        "container-name": definition.container,
        image: definition.image,
      },
    },
  );
  const why = annotations.find(({ level }) => level === "error")?.message ?? log.at(-1) ?? "";
  return outcomeOf(bed, definition, caller, exitCode === 0 ? null : why, asked(definition));
}

interface PeerSent {
  readonly name: string;
  readonly sent: readonly Sent[];
}

/** The pair that AWS publishes: one action renders, the other one registers. */
async function throughAction(bed: Bed, definitions: readonly Published[]): Promise<PeerSent | null> {
  const all = peers();
  const [render, deploy] = ["render", "deploy"].map((verb) =>
    all.find(({ name }) => name === `aws-actions/amazon-ecs-${verb}-task-definition`),
  );
  if (render === undefined || deploy === undefined) return null;
  const sent: Sent[] = [];
  for (const definition of definitions) {
    const caller = callerOf("action", definition);
    const folder = join(bed.folder, caller);
    await mkdir(folder);
    const [file, output] = [join(folder, "task-definition.json"), join(folder, "output")];
    await writeFile(file, definition.text);
    await writeFile(output, "");
    const environment = { ...bed.environment(caller), RUNNER_TEMP: folder, GITHUB_OUTPUT: output, HOME: folder };
    const rendered = await runBundle(render.main, {
      ...environment,
      "INPUT_TASK-DEFINITION": file,
      "INPUT_CONTAINER-NAME": definition.container,
      INPUT_IMAGE: definition.image,
    });
    const [made] = /\/\S*task-definition-\S*\.json/.exec(await readFile(output, "utf8")) ?? [];
    const registered =
      rendered !== null || made === undefined
        ? (rendered ?? "it wrote no file")
        : await runBundle(deploy.main, { ...environment, "INPUT_TASK-DEFINITION": made });
    sent.push(outcomeOf(bed, definition, caller, registered, asked(definition)));
  }
  return { name: `${render.name} ${render.version}, deploy ${deploy.version}`, sent };
}

/** @returns why it failed; null: it did not */
async function runBundle(main: string, environment: Readonly<Record<string, string>>): Promise<string | null> {
  const child = spawn(process.execPath, [main], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const [said, code] = [await text(child.stdout), await ended];
  return code === 0 ? null : (/^::error::(.*)$/m.exec(said)?.[1] ?? `exit code ${code}`);
}

/** `ecs update`: it copies a definition that is registered, so each is registered first. */
async function throughEcsDeploy(bed: Bed, definitions: readonly Published[]): Promise<PeerSent> {
  const there = await Promise.all(
    definitions.map(async (definition) => {
      const request = { service: "ecs", caller: "people" } as const;
      const input = asked({ ...definition, image: "app:old" }) ?? {};
      const answer = await bed.aws.handle({ ...request, operation: "RegisterTaskDefinition", input });
      if (answer.kind !== "output") return { arn: null, why: answer.kind === "error" ? answer.message : answer.kind };
      const { taskDefinition, tags } = registeredSchema.parse(answer.output);
      return {
        arn: taskDefinition["taskDefinitionArn"] as string,
        stored: storedForm({ ...taskDefinition, ...(tags.length > 0 ? { tags } : {}) }),
      };
    }),
  );
  const lines = definitions.flatMap(({ container, image, ...definition }, index) => {
    const arn = there[index]?.arn ?? null;
    return arn === null ? [] : [{ arn, container, image, caller: callerOf("ecs-deploy", { ...definition, image }) }];
  });
  const answers = (await python(bed, "update.py", lines)).map((line) => answerSchema.parse(line));
  const said = new Map(lines.map(({ caller }, index) => [caller, answers[index] ?? null]));
  const sent = definitions.map((definition, index): Sent => {
    const one = there[index];
    if (one?.stored === undefined)
      return { input: null, differences: null, refused: `was never there: ${one?.why ?? ""}` };
    const caller = callerOf("ecs-deploy", definition);
    const answer = said.get(caller) ?? null;
    const why = answer?.code === 0 ? null : (answer?.said ?? "it said nothing");
    return outcomeOf(bed, definition, caller, why, asked(definition, one.stored));
  });
  return { name: "ecs-deploy 1.17.0", sent };
}

const registeredSchema = z.object({
  taskDefinition: z.record(z.string(), z.unknown()),
  tags: z.array(z.unknown()).default([]),
});
const answerSchema = z.object({ code: z.number(), said: z.string() });

/** A definition as ECS keeps it, without what it says about it. */
function storedForm(taskDefinition: Readonly<Record<string, unknown>>): JsonMap {
  return contentOf(JSON.stringify(taskDefinition)) ?? {};
}

function callerOf(who: string, { image }: Pick<Published, "image">): string {
  return `${who}-${Number(image.slice(-6))}`;
}

/** What reached AWS under this name. */
function outcomeOf(
  bed: Bed,
  { content }: Published,
  caller: string,
  refused: string | null,
  wanted: JsonMap | null,
): Sent {
  const call = bed.aws.calls.find((one) => one.caller === caller && one.operation === "RegisterTaskDefinition");
  const input = call === undefined ? null : (JSON.parse(JSON.stringify(call.input)) as JsonMap);
  const compared = input === null || wanted === null || content === null ? null : differences(wanted, input);
  return { input, differences: compared, refused };
}

function figures(ours: readonly Sent[], theirs: readonly Sent[], name: string): readonly Row[] {
  const both = (what: string, unit: string, of: (all: readonly Sent[]) => number): Row => {
    const [value, peer] = [of(ours), of(theirs)];
    return { ...row(what, unit, value, { name, value: peer }), ratio: peer === 0 ? null : value / peer };
  };
  const count = (kind: keyof Differences) => (all: readonly Sent[]) =>
    sum(all.map(({ differences: found }) => found?.[kind].length ?? 0));
  const harmed = (all: readonly Sent[]): number =>
    all.filter(({ differences: found }) => (found?.lost.length ?? 0) + (found?.changed.length ?? 0) > 0).length;
  tell("ours", ours);
  tell(name, theirs);
  return [
    both("registered", "definitions", (all) => all.filter(({ refused }) => refused === null).length),
    both("values lost, goal 0", "values", count("lost")),
    both("empty lists and mappings lost", "members", count("lostEmpty")),
    both("values changed, goal 0", "values", count("changed")),
    both("values added", "values", count("added")),
    both("definitions with a value lost or changed", "definitions", harmed),
  ];
}

/** Says what was lost, and why what was refused, the most frequent first. */
function tell(name: string, all: readonly Sent[]): void {
  for (const kind of ["lost", "lostEmpty", "changed", "added"] as const) {
    const members = all.flatMap(({ differences: found }) => (found?.[kind] ?? []).map(memberOf));
    for (const [member, times] of frequent(members)) console.error(`${name}: ${kind} ${times} times: ${member}`);
  }
  const reasons = all.flatMap(({ refused }) =>
    refused === null ? [] : [refused.trim().split("\n")[0]?.slice(0, 160) ?? ""],
  );
  for (const [reason, times] of frequent(reasons)) console.error(`${name}: refused ${times} times: ${reason}`);
}

/** A path without what is this definition's own: `containerDefinitions.*.environment.*.value`. */
function memberOf(path: string): string {
  return path
    .replace(/^(containerDefinitions|volumes|tags)\.[^.]+/, "$1.*")
    .replace(
      /\.(environment|secrets|portMappings|mountPoints|ulimits|environmentFiles|dependsOn|options)\..*?(\.\w+)?$/,
      ".$1.*$2",
    );
}

function frequent(texts: readonly string[]): readonly (readonly [string, number])[] {
  const times = new Map<string, number>();
  for (const one of texts) times.set(one, (times.get(one) ?? 0) + 1);
  return [...times].sort(([, a], [, b]) => b - a);
}

/** What botocore makes of ours; what it refuses, it must refuse as it was published, for the same reason. */
async function botocoreSays(
  bed: Bed,
  definitions: readonly Published[],
  sent: readonly Sent[],
): Promise<readonly Row[]> {
  const pairs = definitions.flatMap((definition, index) => {
    const { input = null } = sent[index] ?? {};
    const wanted = asked(definition);
    return input === null || wanted === null ? [] : [{ name: definition.name, input, wanted }];
  });
  const reports = await python(bed, "validate.py", [
    ...pairs.map(({ input }) => input),
    ...pairs.map(({ wanted }) => wanted),
  ]);
  const alike = pairs.filter((_, index) => reports[index] === reports[pairs.length + index]);
  const accepted = pairs.filter((_, index) => reports[index] === "");
  for (const [index, { name }] of pairs.entries())
    if (reports[index] !== "") console.error(`botocore refuses ${name}: ${JSON.stringify(reports[index])}`);
  return [
    row("ours, accepted by botocore", "definitions", accepted.length, null),
    row("ours, said of by botocore what it says of the file", "definitions", alike.length, null),
  ];
}

/** Findings on them as they would be registered, had a stack file named them for a task that runs once. */
function findings(definitions: readonly Published[]): readonly Row[] {
  const ids = definitions.flatMap((definition) => {
    const { name, container, text: written } = definition;
    const content = asked(definition);
    if (content === null || containersIn(content).length === 0) return [];
    const { unknown, mistyped } = existingFile(written, "task-definition.json", {});
    const platform = JSON.stringify(content["runtimePlatform"] ?? "").includes("ARM64") ? "linux/arm64" : "linux/amd64";
    const purpose = {
      kind: "once",
      container,
      port: null,
      platform,
      launches: false,
      locations: 0,
      carriesRuns: false,
      onFargate: false,
    } as const;
    const faults = faultsOf(content, { ...purpose, before: null, commit: "0".repeat(40), judged: new Set() });
    for (const { id, path, what } of faults) console.error(`finding ${id} ${name} ${path.join(".")}: ${what}`);
    for (const { path } of unknown) console.error(`finding definition-member-unknown ${name} ${path.join(".")}`);
    for (const { path } of mistyped) console.error(`finding definition-member-type ${name} ${path.join(".")}`);
    return [
      ...new Set([
        ...faults.map(({ id }) => id),
        ...(unknown.length > 0 ? ["definition-member-unknown"] : []),
        ...(mistyped.length > 0 ? ["definition-member-type"] : []),
      ]),
    ];
  });
  return frequent(ids).map(([id, times]) => row(`finding ${id}`, "definitions", times, null));
}

/** Gives a script one value a line, and reads one a line. */
async function python(bed: Bed, script: string, values: readonly unknown[]): Promise<readonly unknown[]> {
  const packages = await installedPackages(bed.python, join(import.meta.dirname, "scenarios", "ecs-deploy.txt"), {
    compile: true,
  });
  const running = promisify(execFile)(bed.python.executable, [join(import.meta.dirname, "definitions", script)], {
    env: { ...bed.environment("people"), PYTHONPATH: packages, HOME: bed.folder, PATH: process.env["PATH"] ?? "" },
    maxBuffer: 64_000_000,
  });
  running.child.stdin?.end(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
  const { stdout } = await running;
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}
