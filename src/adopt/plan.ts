import type { Finding } from "../domain/finding.ts";
import type { Digest } from "../domain/identifiers.ts";
import { contentHash } from "../domain/json.ts";
import type { Plan, Step } from "../domain/plan.ts";
import { type ImagePart, imagesOf, type Release } from "../domain/release.ts";
import { showRevision } from "../domain/verdict.ts";
import { registryOf } from "../releases/definitions.ts";
import { locationsServedBy } from "../releases/hosts.ts";
import type { Stack } from "../stack/stack.ts";
import { type Definition, definitionHash, registrable } from "../task-definitions/definition.ts";
import { edited } from "../task-definitions/edit.ts";
import { mapsIn } from "./kind.ts";

/** What a service runs: its definition, and the digests of its containers that are of the stack's registry. */
export interface Ran {
  readonly definition: Pick<Definition, "revision" | "content">;
  readonly digests: Readonly<Record<string, Digest>>;
  readonly digest: Digest;
}

/**
 * The release that runs already, although nobody has released it: every image by its digest. Pure.
 * @param begun what names it
 * @param ran by key of the service
 * @param dagster Dagster's version in the images of webserver and daemon; null: not known
 */
export function releaseOf(
  stack: Stack,
  begun: Release,
  ran: Readonly<Record<string, Ran>>,
  dagster: string | null,
): Release {
  const parts = Object.values(stack.services).flatMap((service) => {
    const [image, runs] = [stack.images[service.image], ran[service.key]];
    if (image === undefined || runs === undefined) return [];
    const { repository, platform } = image;
    const part: ImagePart = {
      repository,
      digest: runs.digest,
      // Nobody knows what went in: no image that is made of a checkout is taken for it.
      contentKey: contentHash(["found running", repository, runs.digest]).slice(0, 40),
      platform,
      source: begun.source,
      dagster: service.kind === "code-location" ? null : dagster,
    };
    return [{ service, part }];
  });
  // Code servers first: what hosts run beside them is what they keep.
  const ordered = parts.toSorted((a, b) => rank(a.service.kind) - rank(b.service.kind));
  const images: Record<string, ImagePart> = {};
  const kept: Record<string, ImagePart> = {};
  for (const { service, part } of ordered) {
    const known = (images[service.image] ??= part);
    if (known.digest !== part.digest) kept[service.key] = part;
    else if (known.dagster === null) images[service.image] = { ...known, dagster: part.dagster };
  }
  return { ...begun, images, kept };
}

/**
 * A definition as it runs, its images by digest where it names a tag, that of the runs which its code starts among them. Nothing else
 * of it changes.
 * @param images of the release
 * @param own the container that serves or loads code, and its image: gates and runs know the code by it; null: it has none
 */
export function pinnedContent(
  stack: Stack,
  { definition, digests }: Ran,
  images: readonly { readonly repository: string; readonly digest: Digest }[],
  own: { readonly container: string; readonly repository: string; readonly digest: Digest } | null,
): ReturnType<typeof edited> {
  const registry = registryOf(stack);
  const references = Object.fromEntries(
    containersIn(definition).flatMap(({ name: container, image }) => {
      const digest = digests[container];
      const repository = image.slice(registry.length + 1).replace(/[:@].*$/, "");
      return digest === undefined ? [] : [[container, `${registry}/${repository}@${digest}`] as const];
    }),
  );
  return edited(registrable(definition as Definition), {
    family: null,
    images: references,
    variables: Object.fromEntries(
      containersIn(definition).flatMap(({ name, variables }) => {
        const said = variables["DAGSTER_CURRENT_IMAGE"];
        const named = said === undefined ? undefined : images.find(({ repository }) => isOf(said, repository));
        const image = named ?? (said === undefined && name === own?.container ? own : undefined);
        if (image === undefined) return [];
        const pinned = { DAGSTER_CURRENT_IMAGE: `${registry}/${image.repository}@${image.digest}` };
        return [[name, [{ mode: "merge", environment: pinned, secrets: null } as const]] as const];
      }),
    ),
    labels: {},
    tags: {},
  });
}

/**
 * What records a release that runs already: each of its images gets the tag that keeps it, and each definition that names a tag is
 * registered with the digest. No service moves. Pure.
 * @param loose images that nothing keeps yet
 */
export function planRecord(
  stack: Stack,
  release: Release,
  ran: Readonly<Record<string, Ran>>,
  loose: readonly { readonly repository: string; readonly digest: Digest }[],
  findings: readonly Finding[],
): Plan {
  const undo = { kind: "none", why: "one tag or revision more does no harm" } as const;
  const protect = loose.map(({ repository, digest }): Step => {
    const reason = "it runs, and this release is gone back to with it";
    const id = `protect/${repository}@${digest}`;
    return { id, part: "images", after: [], reason, undo, kind: "protect", repository, digest };
  });
  const register: Step[] = [];
  const taskDefinitions: Record<string, Release["taskDefinitions"][string]> = {};
  for (const [key, one] of Object.entries(ran)) {
    const { revision, content } = one.definition;
    const wanted = pinnedContent(stack, one, distinctImages(release), codeOf(stack, key, one));
    const hash = definitionHash(wanted as Definition["content"]);
    const name = `service/${key}`;
    if (hash === definitionHash(content)) taskDefinitions[name] = { ...revision, contentHash: hash };
    else
      register.push({
        id: `register/${name}`,
        part: "definitions",
        after: protect.map(({ id }) => id),
        reason: `${showRevision(revision)}, which runs, names an image by a tag`,
        undo,
        kind: "register",
        definition: name,
        family: revision.family,
        content: wanted,
        replaces: revision,
      });
  }
  return {
    target: { ...release, taskDefinitions },
    backTo: null,
    steps: [...protect, ...register],
    untouched: Object.values(stack.services).map(({ key }) => ({ what: `service ${key}`, why: "it runs already" })),
    moved: [],
    switched: [],
    findings,
    shownVariables: stack.shownVariables,
  };
}

/** Every image of a release, once. */
export function distinctImages(release: Release): readonly { readonly repository: string; readonly digest: Digest }[] {
  const all = Object.values(imagesOf(release)).map(({ repository, digest }) => ({ repository, digest }));
  return [...new Map(all.map((one) => [`${one.repository}@${one.digest}`, one])).values()];
}

function rank(kind: string): number {
  return kind === "code-location" ? 0 : 1;
}

/** What a service serves or loads code from; null when it does neither. */
function codeOf(
  { services, images }: Stack,
  key: string,
  { digest }: Ran,
): { readonly container: string; readonly repository: string; readonly digest: Digest } | null {
  const service = services[key];
  const repository = service === undefined ? undefined : images[service.image]?.repository;
  const container = service?.definition.container ?? null;
  if (service === undefined || repository === undefined || container === null) return null;
  return locationsServedBy(service).length === 0 ? null : { container, repository, digest };
}

/** `shop/code:latest`, with or without the registry in front. */
function isOf(reference: string, repository: string): boolean {
  return new RegExp(`(^|/)${repository.replaceAll(".", "\\.")}(:[\\w.-]+)?$`).test(reference);
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly variables: Readonly<Record<string, string>>;
}

function containersIn({ content }: Pick<Definition, "content">): readonly Container[] {
  return mapsIn(content["containerDefinitions"]).flatMap(({ name, image, environment }) => {
    if (typeof name !== "string" || typeof image !== "string") return [];
    const variables = mapsIn(environment).flatMap(({ name: key, value }) =>
      typeof key === "string" && typeof value === "string" ? [[key, value] as const] : [],
    );
    return [{ name, image, variables: Object.fromEntries(variables) }];
  });
}
