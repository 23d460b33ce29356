import * as z from "zod";
import type { ImportRequest, Imported } from "../adopt/secrets/import.ts";
import type { Store } from "../adopt/secrets/plan.ts";
import { lines, required } from "../domain/given.ts";
import { adopting, adoptionOf } from "./adopting.ts";
import type { ImportDocument } from "./documents.ts";

/** `secret:<name>`; `ssm:/path/`, of which the slash at the end may be left out. Source: names as Secrets Manager and SSM take them. */
const storeForm = /^(?:secret:([\w/+=.@-]{1,256})|ssm:((?:\/[\w.-]+)+)\/?)$/;

/** Options of `secrets import`. */
export const importing = {
  into: required.refine((text) => storeForm.test(text), "is secret:<name>, or ssm:/<path>/"),
  variable: lines,
  overwrite: lines,
  cluster: adopting.cluster,
  "service-prefix": adopting["service-prefix"],
  tag: adopting.tag,
  "cloudformation-stack": adopting["cloudformation-stack"],
};

const shape = z.object(importing);

/** What was asked for by options. */
export function importOf(
  given: z.output<typeof shape>,
): Pick<ImportRequest, "store" | "variables" | "overwrite" | "wanted"> {
  const { wanted } = adoptionOf({ ...given, name: null, bucket: null, url: null, location: [], force: false });
  return { store: storeOf(given.into), variables: given.variable, overwrite: given.overwrite, wanted };
}

function storeOf(text: string): Store {
  const [, name, path = ""] = storeForm.exec(text) ?? [];
  return name === undefined ? { kind: "parameters", path: `${path}/` } : { kind: "secret", name };
}

/** For `--json`: names, and never a value. */
export function documentOfImported(
  { file, store, variables, left, empty, holders }: Imported,
  stackFile: readonly string[],
): ImportDocument {
  return {
    file,
    store: store.kind === "secret" ? `secret:${store.name}` : `ssm:${store.path}`,
    variables: variables.map(({ name, does }) => ({ name, does })),
    left: [...left],
    empty: [...empty],
    stackFile: [...stackFile],
    heldBy:
      holders.notLooked === null
        ? holders.found.map(({ revision, status, services, containers }) => ({
            revision,
            status,
            services: [...services],
            names: [...new Set(containers.flatMap(({ names }) => names))].sort(),
          }))
        : null,
  };
}
