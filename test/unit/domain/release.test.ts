import fc from "../../properties.ts";
import { UserError } from "../../../src/domain/errors.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import {
  emptyRelease,
  parseRelease,
  type Release,
  releaseLimitBytes,
  serializeRelease,
} from "../../../src/domain/release.ts";
import { head, releases } from "./arbitraries.ts";

const text = (release: Release): string => serializeRelease(release);

describe("a release that travels as text", () => {
  test("is the same when it is read again", () => {
    fc.assert(fc.property(releases, (release) => expect(parseRelease(text(release))).toEqual(release)));
  });

  test("is refused above 64 KiB, with what to do", () => {
    const image = {
      repository: "r",
      digest: `sha256:${"0".repeat(64)}` as Digest,
      contentKey: "0".repeat(40),
      platform: "linux/amd64" as const,
      source: head.source,
      dagster: null,
    };
    const images = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`image-${index}`, image]));
    const large = { ...emptyRelease(head), images };
    expect(() => text(large)).toThrow(String(releaseLimitBytes));
    expect(() => text(large)).toThrow("Leave the release input");
    const only = Array.from({ length: 2000 }, (_, index) => `a-component-with-a-long-name-${index}`);
    const sources = Object.fromEntries(only.map((name) => [`owner/${name}`, head.source.sha]));
    for (const change of [{ only }, { sources }])
      expect(() => text({ ...emptyRelease(head), ...change })).toThrow(String(releaseLimitBytes));
  });

  test.each(["123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "arn:aws:ecs:eu-west-1:1:x", "https://example.com"])(
    "never holds %s, which a mask could kill",
    (value) => {
      for (const change of [
        { source: { ...head.source, repository: value } },
        { sources: { [value]: head.source.sha } },
        { only: [value] },
        { promotes: { ...head.promotes, environment: value } },
      ])
        expect(() => text({ ...emptyRelease(head), ...change })).toThrow("mask");
    },
  );

  test("may hold twelve digits in a row in a name", () => {
    const image = {
      repository: "team/202611211015",
      digest: `sha256:${"0".repeat(64)}` as Digest,
      contentKey: "0".repeat(40),
      platform: "linux/arm64" as const,
      source: { ...head.source, repository: "owner/123456789012" },
      dagster: null,
    };
    const release = { ...emptyRelease({ ...head, stack: "123456789012" }), images: { "123456789012": image } };
    expect(parseRelease(text(release))).toEqual(release);
  });

  test("may hold twelve digits in a row inside a digest", () => {
    const digest = `sha256:${"a".repeat(10)}${"1".repeat(12)}${"b".repeat(42)}` as Digest;
    const image = {
      repository: "r",
      digest,
      contentKey: "0".repeat(40),
      platform: "linux/arm64" as const,
      source: head.source,
      dagster: null,
    };
    expect(text({ ...emptyRelease(head), images: { app: image } })).toContain(digest);
  });

  test("of version 1 is read as what it means now", () => {
    const { id, stack, environment, base, source } = head;
    const whole = { id, stack, environment, base, source };
    const image = {
      repository: "r",
      digest: `sha256:${"0".repeat(64)}` as Digest,
      contentKey: "0".repeat(40),
      platform: "linux/amd64" as const,
      source,
    };
    const migration = { state: "done" as const, contentKey: "0".repeat(40) };
    const parts = { images: { app: image }, taskDefinitions: {}, migrations: { app: migration } };
    expect(parseRelease(JSON.stringify({ schema: 1, ...whole, ...parts }))).toEqual({
      ...emptyRelease(whole),
      sources: { [source.repository]: source.sha },
      images: { app: { ...image, dagster: null } },
      migrations: { app: { ...migration, whole: true, runsOlder: null, settings: null, heads: null, addsSince: [] } },
    });
  });

  test.each([
    ["", "not JSON"],
    ["{}", "schema"],
    [JSON.stringify({ ...emptyRelease(head), extra: 1 }), "extra"],
    [JSON.stringify({ ...emptyRelease(head), schema: 3 }), "schema"],
    [JSON.stringify({ ...emptyRelease(head), images: { app: { digest: "latest" } } }), "images.app"],
  ])("is refused with the place of the fault: %s", (value, place) => {
    expect(() => parseRelease(value)).toThrow(UserError);
    expect(() => parseRelease(value)).toThrow(place);
  });
});
