import { type Place, UserError } from "../../domain/errors.ts";
import type { Platform } from "../../domain/identifiers.ts";

/** An image that a Dockerfile builds upon, as it names it. */
export interface NamedImage {
  readonly reference: string;
  /** `frontend`: what reads the Dockerfile itself, by its `# syntax=` line. */
  readonly use: "frontend" | "stage" | "files";
  readonly line: number;
  /** `FROM --platform=…`: it need not be for the platform of the image. */
  readonly ownPlatform: boolean;
}

export interface DockerfileRequest {
  /** Path of the Dockerfile, for what is said of it. */
  readonly file: string;
  /** Null: the last stage. */
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  readonly platform: Platform;
}

/**
 * Reads which images a Dockerfile takes: those of the stages that its target needs, and no other. Arguments are put in as BuildKit
 * does it: only those before the first FROM count in one.
 *
 * @see https://docs.docker.com/reference/dockerfile/
 * @throws UserError for a Dockerfile without stages, and for a target that it does not have.
 */
export function readDockerfile(text: string, request: DockerfileRequest): readonly NamedImage[] {
  const { file, target } = request;
  const frontend = frontendOf(text);
  const stages = stagesOf(instructionsOf(text), request);
  const last = stages.at(-1);
  if (last === undefined) {
    throw new UserError({
      what: "The Dockerfile has no FROM.",
      where: placeIn(file, 1),
      fix: "Begin it with the image to build upon: FROM python:3.12-slim",
    });
  }
  const wanted = target === null ? last : stageCalled(stages, target);
  if (wanted === undefined) {
    const names = stages.flatMap(({ name }) => (name === null ? [] : [name]));
    throw new UserError({
      what: `The Dockerfile has no stage ${JSON.stringify(target)}.`,
      where: placeIn(file, 1),
      fix: names.length === 0 ? "Name its stages: FROM … AS name" : `Its stages are ${names.join(", ")}.`,
    });
  }
  const images = new Map<string, NamedImage>();
  if (frontend !== null) images.set(frontend.reference, frontend);
  const seen = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (seen.has(stage)) return;
    seen.add(stage);
    for (const source of stage.sources) {
      const before = stageCalled(stages.slice(0, stage.index), source.reference);
      if (before !== undefined) visit(before);
      else if (source.reference !== "scratch" && !images.has(source.reference)) images.set(source.reference, source);
    }
  };
  visit(wanted);
  return [...images.values()];
}

interface Stage {
  readonly index: number;
  readonly name: string | null;
  /** Images or stages, its own base first. */
  readonly sources: NamedImage[];
}

interface Instruction {
  /** In capitals. */
  readonly name: string;
  readonly rest: string;
  readonly line: number;
}

/** Names of stages know no case; a number counts from the first. */
function stageCalled(stages: readonly Stage[], name: string): Stage | undefined {
  const named = stages.findLast((stage) => stage.name === name.toLowerCase());
  return named ?? (/^\d+$/.test(name) ? stages[Number(name)] : undefined);
}

function stagesOf(instructions: readonly Instruction[], request: DockerfileRequest): readonly Stage[] {
  const known = new Map(Object.entries(platformArguments(request.platform)));
  const stages: Stage[] = [];
  for (const { name, rest, line } of instructions) {
    const stage = stages.at(-1);
    if (name === "ARG" && stage === undefined) {
      for (const [key, value] of argumentsIn(rest)) {
        const given = request.arguments[key];
        if (given !== undefined) known.set(key, given);
        else if (value !== null) known.set(key, expand(value, known));
      }
    } else if (name === "FROM") {
      const [, written = "", , alias = null] = /^(?:--\S+\s+)*(\S+)(\s+as\s+(\S+))?/i.exec(rest) ?? [];
      const reference = expand(written, known);
      if (reference === "") {
        throw new UserError({
          what: `FROM names no image: ${JSON.stringify(written)} is empty.`,
          where: placeIn(request.file, line),
          fix: "Give the argument a value: in the Dockerfile (ARG BASE=…), or as a build argument.",
        });
      }
      const name_ = alias?.toLowerCase() ?? null;
      stages.push({
        index: stages.length,
        name: name_,
        sources: [{ reference, use: "stage", line, ownPlatform: /^--platform=/i.test(rest) }],
      });
    } else if (stage !== undefined) {
      for (const reference of filesFrom(name, rest))
        stage.sources.push({ reference, use: "files", line, ownPlatform: true });
    }
  }
  return stages;
}

/** Images and stages whose files an instruction takes. */
function filesFrom(name: string, rest: string): readonly string[] {
  if (name === "COPY" || name === "ADD")
    return [...rest.matchAll(/(?:^|\s)--from=(\S+)/g)].map(([, from = ""]) => from);
  if (name !== "RUN") return [];
  return [...rest.matchAll(/(?:^|\s)--mount=(\S+)/g)].flatMap(([, options = ""]) => {
    const from = options.split(",").find((option) => option.startsWith("from="));
    return from === undefined ? [] : [from.slice("from=".length)];
  });
}

/** `NAME=value OTHER`: a value may be in quotes. */
function argumentsIn(rest: string): readonly (readonly [name: string, value: string | null])[] {
  return [...rest.matchAll(/([A-Za-z_]\w*)(?:=("[^"]*"|'[^']*'|\S*))?/g)].map(([, name = "", value]) => [
    name,
    value === undefined ? null : value.replace(/^(["'])(.*)\1$/, "$2"),
  ]);
}

/** @see https://docs.docker.com/reference/dockerfile/#environment-replacement */
function expand(text: string, known: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^}]*))?\})/g,
    (_whole, short?: string, long?: string, operator?: string, word = "") => {
      const value = known.get(short ?? long ?? "");
      const isSet = operator?.startsWith(":") === true ? value !== undefined && value !== "" : value !== undefined;
      if (operator?.endsWith("-") === true) return isSet ? (value ?? "") : String(word);
      if (operator?.endsWith("+") === true) return isSet ? String(word) : "";
      return value ?? "";
    },
  );
}

/** What BuildKit sets by itself. Where a build runs is not known: stages for `$BUILDPLATFORM` have their images by the same names. */
function platformArguments(platform: Platform): Readonly<Record<string, string>> {
  const [os = "", architecture = ""] = platform.split("/");
  return { TARGETPLATFORM: platform, TARGETOS: os, TARGETARCH: architecture, TARGETVARIANT: "" };
}

/** Directives stand before everything else. */
function directivesOf(text: string): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const found = new Map<string, { readonly value: string; readonly line: number }>();
  for (const [index, line] of lines(text).entries()) {
    const [, name, value] = /^\s*#\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) break;
    found.set(name.toLowerCase(), { value, line: index + 1 });
  }
  return found;
}

function frontendOf(text: string): NamedImage | null {
  const syntax = directivesOf(text).get("syntax");
  const [reference = ""] = syntax?.value.split(/\s+/) ?? [];
  return syntax === undefined || reference === ""
    ? null
    : { reference, use: "frontend", line: syntax.line, ownPlatform: true };
}

function instructionsOf(text: string): readonly Instruction[] {
  const escape = directivesOf(text).get("escape")?.value === "`" ? "`" : "\\";
  const goesOn = new RegExp(`${RegExp.escape(escape)}[ \\t]*$`);
  const all = lines(text);
  const instructions: Instruction[] = [];
  for (let at = 0; at < all.length; at += 1) {
    const first = at + 1;
    let whole = "";
    for (; at < all.length; at += 1) {
      const line = all[at] ?? "";
      // Within an instruction that goes on, remarks and empty lines do not end it.
      if (/^\s*(#|$)/.test(line)) {
        if (whole === "") break;
        continue;
      }
      whole += line.replace(goesOn, " ");
      if (!goesOn.test(line)) break;
    }
    const [, name, rest = ""] = /^\s*([A-Za-z]+)\s*([^]*)$/.exec(whole) ?? [];
    if (name === undefined) continue;
    instructions.push({ name: name.toUpperCase(), rest: rest.trim(), line: first });
    if (/^(RUN|COPY|ADD)$/i.test(name)) at = afterDocuments(all, at, rest);
  }
  return instructions;
}

/** Here-documents of an instruction are text, whatever they look like. @returns the line on which the last of them ends */
function afterDocuments(all: readonly string[], at: number, rest: string): number {
  let end = at;
  for (const [, tabs, , word] of rest.matchAll(/<<(-?)(["']?)([A-Za-z_]\w*)\2/g)) {
    const closes = (line: string | undefined): boolean => (tabs === "-" ? line?.replace(/^\t+/, "") : line) === word;
    const close = all.findIndex((line, index) => index > end && closes(line));
    if (close !== -1) end = close;
  }
  return end;
}

function lines(text: string): readonly string[] {
  return text.replace(/^\uFEFF/, "").split(/\r?\n/);
}

function placeIn(file: string, line: number): Place {
  return { file, line, column: 1 };
}
