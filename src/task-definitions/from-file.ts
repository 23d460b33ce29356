import { type Advice, UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Json, JsonMap } from "../domain/json.ts";
import { quote, suggest } from "../stack/problems.ts";
import { edited } from "./edit.ts";
import { containersOf, type ExistingDefinition, existingFile, placeIn } from "./existing.ts";
import { faultsOf } from "./judge.ts";
import { memberFindings } from "./member-findings.ts";

/** What is asked of a definition file by plain words, without a stack file. */
export interface FileRequest {
  /** By the container's name. */
  readonly images: Readonly<Record<string, string>>;
  /** Container that the variables are for, beside those of `images`; null: the definition's only one, when none has an image. */
  readonly container: string | null;
  readonly environment: Readonly<Record<string, string>>;
  /** ARN or name of a parameter, or ARN of a secret, by the variable's name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** What a definition file becomes. */
export interface FromFile {
  readonly family: string;
  /** What RegisterTaskDefinition is to be given. */
  readonly content: JsonMap;
  readonly existing: ExistingDefinition;
  /** Of its members: unknown ones, and those of a type that ECS refuses. */
  readonly findings: readonly Finding[];
}

/**
 * A definition file with what is asked for set in it, and all else as it stands.
 * @throws UserError when it cannot be read, or part of what is asked would have no effect
 */
export function definitionFromFile(
  text: string,
  file: string,
  { images, container, environment, secrets }: FileRequest,
): FromFile {
  const existing = existingFile(text, file, {});
  const { content } = existing;
  const { family } = content;
  const refuse = (advice: Advice): never => {
    throw new UserError(advice);
  };
  if (typeof family !== "string" || family === "")
    return refuse({ what: `${file} names no family.`, where: file, fix: "Add `family` to it." });
  const containers = containersOf(content);
  const named = [...new Set([...Object.keys(images), ...(container === null ? [] : [container])])];
  for (const name of named)
    if (!containers.includes(name))
      refuse({
        what: `${file} has no container ${quote(name)}: nothing would be set in it.`,
        where: "inputs container-name and images",
        fix: suggest(name, containers, "It has no container at all."),
      });
  const hasVariables = Object.keys({ ...environment, ...secrets }).length > 0;
  const into = named.length > 0 ? named : containers.length === 1 ? containers : [];
  if (hasVariables && into.length === 0)
    refuse({
      what: `${file} has ${containers.length} containers, and nothing says which of them gets the variables.`,
      where: "inputs environment-variables and secrets",
      fix: "Name it: input `container-name`.",
    });
  const both = Object.keys(environment).find((name) => Object.hasOwn(secrets, name));
  if (both !== undefined)
    refuse({
      what: `${both} is given as plain text and as a secret: ECS refuses that.`,
      where: "inputs environment-variables and secrets",
      fix: "Keep one of the two.",
    });
  const layer = { mode: "merge", environment, secrets } as const;
  const variables = hasVariables ? Object.fromEntries(into.map((name) => [name, [layer]])) : {};
  const wanted = edited(content, { family: null, images, variables, labels: {}, tags: {} }) as Json as JsonMap;
  return { family, content: wanted, existing, findings: memberFindings(existing) };
}

/**
 * What is known to go wrong with a definition of which nobody says what it is for. What stops a release of a stack is a warning: there is
 * no stack file that could let it pass.
 * @param commit of the checkout; null: there is none
 */
export function judgeFile({ content, existing }: FromFile, commit: string | null): readonly Finding[] {
  const faults = faultsOf(content, { ...ofNobody, commit: commit ?? "" });
  return faults.map(({ path, level, ...fault }) => {
    return { ...fault, level: level === "error" ? "warning" : level, where: placeIn(existing, path) };
  });
}

const ofNobody = {
  kind: "once",
  container: "",
  port: null,
  platform: null,
  launches: false,
  locations: 0,
  carriesRuns: false,
  onFargate: false,
  before: null,
  judged: new Set<string>(),
} as const;
