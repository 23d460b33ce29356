import { bySeverity } from "../domain/finding.ts";
import { showPlace } from "../domain/errors.ts";
import { plainLines } from "../markdown/plain.ts";
import { showChanges } from "../task-definitions/explain.ts";
import type { Adopted } from "./adopt.ts";
import type { ComparedDefinition, Meaning } from "./compare.ts";
import type { FoundBucket } from "./find-bucket.ts";
import { type AdoptedStack, type Inferred, unknownPort } from "./infer.ts";
import { wordsOfUnpinned } from "./waiting-runs.ts";

/** For people: what was found, what was guessed, and what a release of it would change. */
export function wordsOfAdopted({
  stack,
  bucket,
  omitted,
  files,
  silent,
  proof,
  waiting,
  findings,
  retiring,
}: Adopted): readonly string[] {
  const guesses = guessesOf(stack);
  const shown = bySeverity(findings).map(({ level, id, what, where, fix }) => [
    `  ${level} ${id}: ${what}`,
    `    where: ${showPlace(where)}`,
    `    fix: ${fix}`,
  ]);
  return [
    `Found in cluster ${stack.cluster}:`,
    ...stack.services.map(({ name, key, kind, locations }) => {
      const of = locations.value.length === 0 ? "" : `, ${locations.value.join(", ")}`;
      return `  ${name}: ${kind.value}${of} (services.${key})`;
    }),
    ...omitted.map(({ service, why }) => `  ${service}: left out, since ${why}`),
    ...(silent === null ? [] : [`Dagster was asked, and told nothing: ${silent}`]),
    `Wrote ${files.join(", ")}`,
    ...(guesses.length === 0 ? [] : ["", "Guessed; look at each:", ...guesses.map((guess) => `  ${guess}`)]),
    "",
    proof.isSame ? "Nothing would change:" : "Something would change:",
    ...proof.definitions.flatMap(wordsOfDefinition),
    ...proof.settings.map((setting) => `  ${setting}`),
    ...(shown.length === 0 ? [] : ["", "What a release would be told:", ...shown.flat()]),
    ...(waiting === null || waiting.runs.length === 0
      ? []
      : [
          "",
          "Runs that wait:",
          ...wordsOfUnpinned(waiting)
            .flatMap(plainLines)
            .map((line) => `  ${line}`),
        ]),
    ...(retiring.length === 0 ? [] : ["", ...retiring]),
    "",
    ...wordsOfBucket(stack, bucket),
    "Then look at the file, commit it, and record what runs as the first release: `dagster-ecs adopt record`.",
  ];
}

function wordsOfBucket(stack: AdoptedStack, found: FoundBucket): readonly string[] {
  const { name } = stack.bucket.value;
  switch (found.kind) {
    case "there":
      return [`Lock and records will be in the bucket ${name}, which is there.`];
    case "absent":
      return [`There is no bucket ${name} for lock and records. Next, make it: \`${makingBucket(stack)}\`.`];
    case "unknown":
      return [
        `Whether there is a bucket ${name} for lock and records is not known: ${found.why}`,
        `Next, make it where it is not: \`${makingBucket(stack)}\`. Where it is of another account or region, name another one (\`--bucket\`).`,
      ];
  }
}

/** Outside of us-east-1, S3 wants to be told where. Source: API_CreateBucket in the S3 API reference. */
function makingBucket({ bucket, region }: Pick<AdoptedStack, "bucket" | "region">): string {
  const where = region === "us-east-1" ? "" : ` --create-bucket-configuration LocationConstraint=${region}`;
  return `aws s3api create-bucket --bucket ${bucket.value.name} --region ${region}${where}`;
}

/** What was guessed, a sentence each. */
export function guessesOf({
  name,
  bucket,
  dagsterYaml,
  workspace,
  images,
  services,
  runs,
}: AdoptedStack): readonly string[] {
  const of = (what: string, { guess }: Inferred<unknown>): readonly string[] =>
    guess === null ? [] : [`${what}: ${guess}`];
  return [
    ...of("name", name),
    ...of("contract.bucket", bucket),
    ...of("instance.dagster-yaml", dagsterYaml),
    ...of("instance.workspace", workspace),
    ...images.flatMap(({ key, build }) => of(`images.${key}.build`, build)),
    ...services.flatMap(({ key, kind, locations, address, port }) => [
      ...of(`services.${key}.kind`, kind),
      ...of(`services.${key}.${kind.value === "code-location" ? "location" : "locations"}`, locations),
      ...(address === null ? [] : of(`services.${key}.address`, address)),
      ...(port === null && kind.value === "code-location" ? [`services.${key}.port: ${unknownPort}`] : []),
    ]),
    ...of("runs", runs),
  ];
}

function wordsOfDefinition({ definition, from, differences }: ComparedDefinition): readonly string[] {
  const name = definition.replace(/^service\//, "service ").replace(/^run\//, "runs of ");
  if (from === null)
    return [
      definition.startsWith("run/")
        ? `  ${name}: they get a definition of their own, which code started from then on names`
        : `  ${name}: nothing runs that it could be held against`,
    ];
  if (differences.length === 0) return [`  ${name} (${from}): nothing`];
  const changed = differences.filter(({ meaning }) => meaning === "changes");
  const head = changed.length === 0 ? "nothing else runs" : `${changed.length} would be another`;
  return [
    `  ${name} (${from}): ${head}`,
    ...differences.flatMap((difference) => [
      `    ${difference.path.join(".")}: ${meanings[difference.meaning]}`,
      ...showChanges([difference]).map((line) => `      ${line}`),
    ]),
  ];
}

const meanings: Readonly<Record<Meaning, string>> = {
  name: "the same image, by the digest that runs",
  told: "what a release tells of the code that it runs",
  changes: "ANOTHER than what runs",
};
