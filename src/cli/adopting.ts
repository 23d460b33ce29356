import * as z from "zod";

import type { Adopted, AdoptRequest } from "../adopt/adopt.ts";
import { flag, lines, optional } from "../domain/given.ts";
import { keySchema } from "../domain/identifiers.ts";
import type { AdoptDocument } from "./documents.ts";
import { documentOfFinding } from "./release.ts";

/** `key=value`, split at the first `=`. */
const pair = (text: string): readonly [string, string] => [
  text.slice(0, text.indexOf("=")),
  text.slice(text.indexOf("=") + 1),
];
const isPair = (text: string): boolean => /^[^=]+=.+$/.test(text);

/** Options of `adopt`: which services are meant, and what nothing else tells. */
export const adopting = {
  cluster: optional,
  "service-prefix": optional,
  tag: optional.refine((text) => text === null || isPair(text), "is key=value"),
  "cloudformation-stack": optional,
  name: optional.refine((name) => name === null || keySchema.safeParse(name).success, "is letters, digits and . - _"),
  bucket: optional.refine(
    (text) => text === null || /^[a-z0-9.-]{3,63}(\/([\w.-]+\/)*)?$/.test(text),
    "is a bucket's name, or name/prefix/",
  ),
  url: optional.refine((text) => text === null || z.url().safeParse(text).success, "is an http:// or https:// address"),
  location: lines.refine((all) => all.every(isPair), "is service=name"),
  force: flag,
};

const shape = z.object(adopting);

/** What was asked for by options. */
export function adoptionOf(given: z.output<typeof shape>): Pick<AdoptRequest, "wanted" | "given" | "force"> {
  const [key, value] = given.tag === null ? [] : pair(given.tag);
  const [, bucket = "", prefix = ""] = /^([^/]*)\/?(.*)$/.exec(given.bucket ?? "") ?? [];
  return {
    wanted: {
      cluster: given.cluster,
      prefix: given["service-prefix"],
      tag: key === undefined || value === undefined ? null : { key, value },
      cloudFormationStack: given["cloudformation-stack"],
    },
    given: {
      name: given.name,
      bucket: given.bucket === null ? null : { name: bucket, prefix },
      url: given.url,
      locations: given.location.map((text) => {
        const [service, location] = pair(text);
        return { service, location };
      }),
    },
    force: given.force,
  };
}

/** For `--json`. */
export function documentOfAdopted(
  { stack, omitted, files, proof, waiting, findings }: Adopted,
  guesses: readonly string[],
): AdoptDocument {
  return {
    stack: stack.name.value,
    cluster: stack.cluster,
    files: [...files],
    services: stack.services.map(({ key, name, kind, locations }) => ({
      service: key,
      name,
      kind: kind.value,
      locations: [...locations.value],
    })),
    omitted: omitted.map(({ service, why }) => ({ name: service, why })),
    guesses: [...guesses],
    isSame: proof.isSame,
    definitions: proof.definitions.map(({ definition, from, differences }) => ({
      definition,
      from,
      differences: differences.map((one) => ({ ...one, path: [...one.path] })),
    })),
    settings: [...proof.settings],
    waitingRuns:
      waiting?.runs.map(({ id, job, location }) => ({ run: id.untrusted, job: job.untrusted, location })) ?? null,
    findings: findings.map((finding) => documentOfFinding(finding)),
  };
}
