import type { Digest } from "../../../src/domain/identifiers.ts";
import { codeImage, dependenciesImage, environmentOf } from "../../../src/images/compose.ts";
import type { Inputs } from "../../../src/images/content-key.ts";
import {
  digestOf,
  type Image,
  manifestTypes,
  platformsOf,
  readConfig,
  readManifest,
} from "../../../src/images/manifest.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const encode = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));

const inputs: Inputs = {
  scheme: 4,
  groups: [],
  localPackages: {},
  prepare: [],
  user: null,
  platform: "linux/amd64",
  base: digest("b"),
  python: null,
  requirements: "c",
  workdir: "/app",
  environment: { B: "2", A: "1" },
  files: {},
};

test.each<[string, readonly string[], Partial<Inputs>, readonly string[]]>([
  [
    "the base's, Python's way, then what was asked for",
    ["PATH=/usr/bin", "LANG=C"],
    {},
    ["PATH=/opt/dependencies/bin:/usr/bin", "LANG=C", "PYTHONPATH=/app:/opt/dependencies", "A=1", "B=2"],
  ],
  [
    "nothing in the base",
    [],
    { environment: {} },
    [
      "PYTHONPATH=/app:/opt/dependencies",
      "PATH=/opt/dependencies/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ],
  ],
  [
    "the base has a way of its own",
    ["PYTHONPATH=/base", "PATH=/usr/bin"],
    { environment: {} },
    ["PYTHONPATH=/app:/opt/dependencies:/base", "PATH=/opt/dependencies/bin:/usr/bin"],
  ],
  ["no packages", ["PATH=/usr/bin"], { requirements: null, environment: {} }, ["PATH=/usr/bin", "PYTHONPATH=/app"]],
  [
    "what was asked for wins, in its place",
    ["PATH=/usr/bin", "A=base=x", "EMPTY"],
    { environment: { PATH: "/mine", A: "" } },
    ["PATH=/opt/dependencies/bin:/mine", "A=", "EMPTY=", "PYTHONPATH=/app:/opt/dependencies"],
  ],
  [
    "a way of one's own comes before that to code and packages, and not in its place",
    ["PYTHONPATH=/base"],
    { environment: { PYTHONPATH: "/app/src", PATH: "/mine" } },
    ["PYTHONPATH=/app/src:/app:/opt/dependencies", "PATH=/opt/dependencies/bin:/mine"],
  ],
  [
    "without packages PATH is what was asked for",
    [],
    { requirements: null, environment: { PYTHONPATH: "/app/src", PATH: "/mine" } },
    ["PYTHONPATH=/app/src:/app", "PATH=/mine"],
  ],
])("the environment: %s", (_, base, more, expected) => {
  expect(environmentOf(base, { ...inputs, ...more })).toEqual(expected);
});

function image(docker: boolean): Image {
  const config = encode({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [digest("1")] },
    odd: [1],
  });
  const bytes = encode({
    schemaVersion: 2,
    ...(docker ? { mediaType: manifestTypes[2] } : {}),
    config: { mediaType: "application/config", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/layer", digest: digest("2"), size: 7, urls: ["kept"] }],
    annotations: { kept: "yes" },
  });
  const stored = { digest: digestOf(bytes), mediaType: manifestTypes[docker ? 2 : 0], bytes };
  return { stored, manifest: readManifest(stored), config: readConfig(config) };
}

test.each([
  ["OCI", false, "application/vnd.oci.image.layer.v1.tar+gzip"],
  ["Docker", true, "application/vnd.docker.image.rootfs.diff.tar.gzip"],
])("a layer on an image of %s leaves all else as it is", (_, docker, layerType) => {
  const base = image(docker);
  const packages = dependenciesImage(base, { diffId: digest("3"), digest: digest("4"), size: 8 });
  const { stored, configBytes } = codeImage(packages, { diffId: digest("5"), digest: digest("6"), size: 9 }, inputs);
  expect(JSON.parse(Buffer.from(stored.bytes).toString())).toEqual({
    schemaVersion: 2,
    mediaType: base.stored.mediaType,
    config: { mediaType: "application/config", digest: digestOf(configBytes), size: configBytes.length },
    layers: [
      { mediaType: "application/layer", digest: digest("2"), size: 7, urls: ["kept"] },
      { mediaType: layerType, digest: digest("4"), size: 8 },
      { mediaType: layerType, digest: digest("6"), size: 9 },
    ],
    annotations: { kept: "yes" },
  });
  expect(stored.digest).toBe(digestOf(stored.bytes));
  expect(JSON.parse(Buffer.from(configBytes).toString())).toMatchObject({
    odd: [1],
    rootfs: { diff_ids: [digest("1"), digest("3"), digest("5")] },
    config: { WorkingDir: "/app", Labels: { "dagster-ecs.inputs": expect.any(String) as unknown } },
  });
  expect(JSON.parse(Buffer.from(configBytes).toString())).not.toHaveProperty("history"); // as the base: it would have fewer layers
  const history = [{ created_by: "base" }];
  const grown = codeImage(
    { ...base, config: { ...base.config, history } },
    { diffId: digest("5"), digest: digest("6"), size: 9 },
    inputs,
  );
  expect(JSON.parse(Buffer.from(grown.configBytes).toString())).toMatchObject({
    history: [{ created_by: "base" }, { created_by: "dagster-ecs: files of the checkout" }],
  });
  expect(packages.config.config ?? {}).toEqual({});
});

test("an index offers its platforms, attestations aside; a manifest is of one", () => {
  const child = (os: string, architecture: string, digit: string): object => ({
    mediaType: manifestTypes[0],
    digest: digest(digit),
    size: 1,
    platform: { os, architecture, variant: `v${digit}` },
  });
  const bytes = encode({
    manifests: [
      child("linux", "amd64", "1"),
      child("unknown", "unknown", "2"),
      child("linux", "arm64", "8"),
      child("linux", "arm64", "9"),
    ],
  });
  const platforms = platformsOf({ digest: digest("0"), mediaType: manifestTypes[1], bytes });
  expect(platforms?.get("linux/arm64")).toBe(digest("8"));
  expect([...(platforms?.keys() ?? [])].sort()).toEqual(["linux/amd64", "linux/arm64"]);
  expect(platformsOf(image(false).stored)).toBeNull();
});

test("what is no image is refused", () => {
  const bytes = encode({ schemaVersion: 1, fsLayers: [] });
  expect(() => readManifest({ digest: digestOf(bytes), mediaType: "", bytes })).toThrow();
  expect(() => readConfig(encode({ os: "linux" }))).toThrow();
});
