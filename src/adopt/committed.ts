import type { Json, JsonMap } from "../domain/json.ts";
import { isPublicVariable } from "../domain/redaction.ts";
import type { Home } from "./infer.ts";
import { mapsIn } from "./kind.ts";
import type { RunningService } from "./observe.ts";
import { fits, type Rendered, renderedTexts, solvePlaceholders } from "./placeholders.ts";
import type { CheckoutFiles } from "./read-checkout.ts";

/** A file of variables that is there for every definition. */
export interface AdoptedEnvironmentFile {
  readonly path: string;
  readonly placeholders: readonly string[];
  /** Names by which it differs from what runs; none: it is what runs. */
  readonly differs: readonly string[];
}

/** Set by Dagster or by releases for themselves. */
export const ownVariables: ReadonlySet<string> = new Set(["DAGSTER_CURRENT_IMAGE", "DAGSTER_CONTAINER_CONTEXT"]);

/** Pairs of what was committed and what runs: definitions whose family fits, and the variables of the shared file. */
export function placeholdersOf(
  running: readonly RunningService[],
  { definitions, sharedEnvironment }: Pick<CheckoutFiles, "definitions" | "sharedEnvironment">,
  { account, region }: Home,
): Readonly<Record<string, string>> {
  const known = { account, region };
  const ofDefinitions = definitions.flatMap(({ content, containers }) =>
    running.flatMap(({ definition, container }) => {
      const [written, texts] = [withoutVariables(content), withoutVariables(definition.content)];
      const isIt = containers.some((name) => fits({ written: name, running: container.name }, known));
      return isIt ? renderedTexts(written, texts) : [];
    }),
  );
  const ofVariables = running.flatMap(({ container }) => [
    ...pairsOf(sharedEnvironment?.environment ?? {}, container["environment"], "value"),
    ...pairsOf(sharedEnvironment?.secrets ?? {}, container["secrets"], "valueFrom"),
  ]);
  const found = Object.entries(solvePlaceholders([...ofDefinitions, ...ofVariables], known));
  return Object.fromEntries(found.filter(([name, value]) => isPublicVariable(name, value)));
}

/** What stands behind a placeholder is written: it is not looked for in values of variables that may be secret. */
function withoutVariables(content: JsonMap): JsonMap {
  const containers = mapsIn(content["containerDefinitions"]).map((container) =>
    Object.fromEntries(Object.entries(container).filter(([member]) => member !== "environment")),
  );
  return { ...content, containerDefinitions: containers };
}

function pairsOf(
  written: Readonly<Record<string, string>>,
  list: Json | undefined,
  member: "value" | "valueFrom",
): readonly Rendered[] {
  return mapsIn(list).flatMap(({ name, [member]: running }) => {
    const said = typeof name === "string" && Object.hasOwn(written, name) ? written[name] : undefined;
    if (typeof name !== "string" || said === undefined || typeof running !== "string") return [];
    return member === "value" && !isPublicVariable(name, running) ? [] : [{ written: said, running }];
  });
}

/** The shared file, held against what every service has. */
export function environmentFileOf(
  running: readonly RunningService[],
  { sharedEnvironment: file }: Pick<CheckoutFiles, "sharedEnvironment">,
  placeholders: Readonly<Record<string, string>>,
): AdoptedEnvironmentFile | null {
  if (file === null) return null;
  const filled = (text: string): string =>
    text.replaceAll(/\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g, (whole, braced?: string, plain?: string) => {
      const name = braced ?? plain ?? "";
      return Object.hasOwn(placeholders, name) ? (placeholders[name] ?? whole) : whole;
    });
  const differs = running.flatMap(({ container }) =>
    (
      [
        ["environment", "value", file.environment],
        ["secrets", "valueFrom", file.secrets],
      ] as const
    ).flatMap(([list, member, written]) => {
      if (written === null) return [];
      const has = new Map(
        mapsIn(container[list]).flatMap((one) =>
          typeof one["name"] === "string" && !ownVariables.has(one["name"])
            ? [[one["name"], one[member]] as const]
            : [],
        ),
      );
      const names = new Set([...has.keys(), ...Object.keys(written)]);
      return [...names].filter((name) => !has.has(name) || has.get(name) !== filled(written[name] ?? ""));
    }),
  );
  return { path: file.path, placeholders: file.placeholders, differs: [...new Set(differs)].sort() };
}
