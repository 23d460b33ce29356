import fc from "../../properties.ts";
import type { Digest, ReleaseId, Sha } from "../../../src/domain/identifiers.ts";
import { emptyRelease, type Release } from "../../../src/domain/release.ts";

const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(""));

export const shas: fc.Arbitrary<Sha> = hex(40).map((text) => text as Sha);
export const digests: fc.Arbitrary<Digest> = hex(64).map((text) => `sha256:${text}` as Digest);
export const sources = shas.map((sha) => ({ repository: "owner/stack", sha }));

const images = fc.record({
  repository: fc.constantFrom("dealflow/code", "dealflow/webserver"),
  digest: digests,
  contentKey: hex(40),
  platform: fc.constantFrom("linux/amd64" as const, "linux/arm64" as const),
  source: sources,
  dagster: fc.constantFrom(null, "1.12.3"),
});
const definitions = fc.record({
  family: fc.constantFrom("a", "b-c"),
  revision: fc.integer({ min: 1, max: 99 }),
  contentHash: hex(64),
});
const migrations = fc.record({
  state: fc.constantFrom("done" as const, "partial" as const, "none" as const),
  contentKey: hex(40),
  whole: fc.boolean(),
  runsOlder: fc.option(hex(40)),
  settings: fc.option(fc.constant("a".repeat(64))),
  heads: fc.constant(null),
  addsSince: fc.constant<string[]>([]),
});

export const head = {
  id: `20261121T101500Z-${"a".repeat(40)}` as ReleaseId,
  stack: "deal-flow",
  environment: "production",
  base: null,
  source: { repository: "owner/stack", sha: "a".repeat(40) as Sha },
  sources: { "owner/stack": "a".repeat(40) as Sha, "owner/code": "b".repeat(40) as Sha },
  only: ["code", "web.server"],
  promotes: { environment: "staging", release: `20261120T090000Z-${"a".repeat(40)}` as ReleaseId },
};

const key = fc.constantFrom("code", "host", "daemon", "web.server", "constructor");

/** A whole release. */
export const releases: fc.Arbitrary<Release> = fc
  .record({
    images: fc.dictionary(key, images),
    taskDefinitions: fc.dictionary(
      key.map((name) => `service/${name}`),
      definitions,
    ),
    migrations: fc.dictionary(key, migrations),
  })
  .map((parts) => ({ ...emptyRelease(head), ...parts }));
