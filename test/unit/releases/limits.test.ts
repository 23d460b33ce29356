import { readFileSync } from "node:fs";
import { type JsonSchema, stackFileSchema } from "../../../scripts/generate/schemas.ts";
import { contractSchema } from "../../../src/domain/contract.ts";
import { checkIds, type Finding } from "../../../src/domain/finding.ts";
import { limits } from "../../../src/releases/limits.ts";
import { findings, parseStackFile } from "../../../src/stack/index.ts";
import { StackFileError } from "../../../src/stack/problems.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";

const reference = readFileSync("docs/stack-file.md", "utf8");

/** A block of the reference, the first of its language. */
function block(language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(reference) ?? [];
  if (text === undefined) throw new Error(`the reference has no block ${language}`);
  return text;
}

describe("the first example of the reference", () => {
  const offered = contractSchema.parse(JSON.parse(block("json")));

  test("is accepted by this version, with the contract that the reference shows", () => {
    const stack = stackOf(block("yaml"), { contract: offered });
    const errors = [...limits(stack), ...findings(stack, "2026-11-21")].filter(({ level }) => level === "error");
    expect(errors).toEqual([]);
  });

  test("is refused with the words that the reference shows when its daemon is misspelt", () => {
    const misspelt = block("yaml").replace("kind: daemon", "kind: deamon");
    const [, shown] = /probably meant:\n\n```\n([^]*?)\n```/.exec(reference) ?? [];
    const read = (): unknown => parseStackFile(misspelt, "dagster-stack.yml");
    expect(read).toThrow(StackFileError);
    expect(read).toThrow(new Error(shown));
  });
});

test("the reference lists every check by its id", () => {
  const rows = reference
    .split("\n")
    .flatMap((line) => /^\| (`[^|]*`) \| (?:error|warning|notice|as )/.exec(line)?.[1] ?? []);
  const ids = rows.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, id = ""]) => id));
  expect(checkIds.filter((id) => !ids.includes(id))).toEqual([]);
});

const images = "images: { app: { repository: shop/app, layers: { base: b } } }\n";
const services =
  "services: { code: { kind: code-location, image: app, location: shop, module: m, address: c }, web: { kind: webserver, image: app, url: http://web } }\n";
const instance = "instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }\n";

function limitsOf(text: string): readonly Finding[] {
  return limits(stackOf(withTop(text), { contract: contract({ efs: "fs-1" }) }));
}

const refused = (text: string): readonly Finding[] => limitsOf(text).filter(({ level }) => level === "error");

/** A file that uses the key, by its way in the schema. */
const stops: Readonly<Record<string, string>> = {
  "dags.*.fallback": `${images}${services}${instance}dags: { shop: { directory: dags, module: m, fallback: image, source: { repository: a/b, ref: main } } }\n`,
  "instance.dagster-yaml": `images: { app: { repository: shop/app, build: { dockerfile: Dockerfile } } }\n${services}instance: { workspace: workspace.yaml }\n`,
  "instance.workspace": `${images}services: { web: { kind: webserver, image: app, locations: [shop] } }\ninstance: { dagster-yaml: dagster.yaml }\n`,
};

describe("what the reference marks as not in this version", () => {
  test("is what this version refuses, and nothing else", () => {
    expect(new Set(marked(stackFileSchema(), ""))).toEqual(new Set(Object.keys(stops)));
  });

  test("a stack that uses nothing of it is not refused", () => {
    expect(refused(`${images}${services}${instance}`)).toEqual([]);
    expect(refused(`${images}${services}`)).toEqual([]);
  });

  test.each(Object.entries(stops))("%s stops a release", (_key, text) => {
    expect(refused(text)).not.toEqual([]);
  });

  test("each thing that this version refuses has a key in the reference that shows it", () => {
    const all = readFileSync("src/releases/limits.ts", "utf8").match(/\bcannot\(/g) ?? [];
    const shown = new Set(Object.values(stops).flatMap((text) => refused(text).map(({ what }) => what)));
    expect(shown.size).toBe(all.length - 1); // one of them is the function itself
  });
});

test("dags.*.fallback is refused at its own place", () => {
  const [text = "", written] = [stops["dags.*.fallback"], "shop:"];
  expect(text).toContain(written);
  const lines = text.slice(0, text.indexOf(written)).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  expect(refused(text).map(({ where }) => where)).toContainEqual(expect.objectContaining({ column }));
});

/** Ways to every key whose description says so; the contract's keys are infrastructure's own. */
function marked(schema: JsonSchema, way: string): readonly string[] {
  const forms = ["oneOf", "anyOf"].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as JsonSchema[]) : []));
  const below = ["additionalProperties", "items"].flatMap((key) =>
    typeof schema[key] === "object" ? marked(schema[key] as JsonSchema, `${way}.*`) : [],
  );
  const properties = Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const own = way === "" ? key : `${way}.${key}`;
    if (["contract", "environments"].includes(own)) return [];
    return [...(/not in this version/i.test(property.description ?? "") ? [own] : []), ...marked(property, own)];
  });
  return [...new Set([...forms.flatMap((form) => marked(form, way)), ...below, ...properties])];
}
