import type { Digest } from "../../../src/domain/identifiers.ts";
import type { TreeEntry } from "../../../src/files/archive.ts";
import { recordSizes, showBytes, showSizes, sizesLabel } from "../../../src/images/sizes.ts";

const digest = `sha256:${"a".repeat(64)}` as Digest;
const file = (path: string, size: number): TreeEntry => {
  return { kind: "file", path, executable: false, size, content: { kind: "disk", file: path, sha256: null } };
};

test("byte code counts with its package, and what is nobody's does not", () => {
  const owners = new Map([
    ["big/a.py", "big 1.0"],
    ["small.py", "small 2"],
  ]);
  const entries = [
    file("opt/dependencies/big/a.py", 100),
    file("opt/dependencies/big/__pycache__/a.cpython-312.pyc", 50),
    file("opt/dependencies/small.py", 10),
    file("opt/dependencies/bin/tool", 5),
  ];
  expect(JSON.parse(recordSizes(entries, owners))).toEqual([
    ["big 1.0", 150],
    ["small 2", 10],
  ]);
});

test("an image is told layer by layer, with its biggest packages", () => {
  const layer = (size: number) => ({ mediaType: "layer", digest, size });
  const config = {
    architecture: "amd64",
    os: "linux",
    rootfs: { diff_ids: [] },
    config: {
      Labels: {
        [sizesLabel]: JSON.stringify([
          ["duckdb 1.1.3", 51_200_000],
          ["dagster 1.12.3", 9_000_000],
          ["a 1", 5],
          ["b 1", 4],
        ]),
      },
    },
  };
  const manifest = {
    schemaVersion: 2 as const,
    config: layer(1),
    layers: [layer(30_000_000), layer(15_100_000), layer(96_800_000), layer(31_400)],
  };
  expect(showSizes({ manifest, config })).toBe(
    "142 MB: base 45.1 MB, packages 96.8 MB (unpacked duckdb 1.1.3 51.2 MB, dagster 1.12.3 9.0 MB, a 1 5 bytes), code 31 kB",
  );
  const { config: settings, ...bare } = config;
  expect(settings).toBeDefined();
  expect(showSizes({ manifest, config: bare })).toBe("142 MB: base 142 MB, code 31 kB");
});

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1_000, "1 kB"],
  [999_499, "999 kB"],
  [1_000_000, "1.0 MB"],
  [99_940_000, "99.9 MB"],
  [1_234_000_000, "1234 MB"],
])("%i bytes are %s", (bytes, shown) => {
  expect(showBytes(bytes)).toBe(shown);
});
