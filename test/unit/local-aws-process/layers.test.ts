import fc from "../../properties.ts";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type LayerEntry, tarOf } from "../../local-aws/infrastructure/tar.ts";
import { type Layer, locate, makeRootFolder } from "../../local-aws/runtimes/process/root-folder.ts";
import { unpack } from "../../local-aws/runtimes/process/untar.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "layers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a layer", () => {
  const name = fc.stringMatching(/^[a-zäö][a-z0-9 ._-]{0,60}[a-z0-9]$/);
  const path = fc.array(name, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
  const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 2000 }), fc.boolean()), {
    maxLength: 12,
    // No path may lead through another.
    selector: ([file]) => file.split("/")[0],
  });

  test("unpacks to what was put in, with names of any length and cut anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 5000 }), async (given, chunk) => {
        const target = mkdtempSync(join(folder, "one-"));
        const entries = given.map(
          ([path, content, executable]): LayerEntry => ({
            kind: "file",
            path,
            executable,
            content: Buffer.from(content),
          }),
        );
        await unpack(Readable.from(cut(Buffer.concat([...tarOf(entries)]), chunk)), target);
        for (const [path, content, executable] of given) {
          expect(readFileSync(join(target, path))).toEqual(Buffer.from(content));
          expect(statSync(join(target, path)).mode & 0o777).toBe(executable ? 0o755 : 0o644);
        }
        const found = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
        expect(found).toHaveLength(given.length);
      }),
      { numRuns: 50 },
    );
  });

  test("keeps links and empty folders", async () => {
    await unpackEntries([
      { kind: "link", path: "usr/lib", to: "../lib" },
      { kind: "link", path: "far", to: "x".repeat(150) },
      { kind: "folder", path: "tmp" },
    ]);
    expect(readlinkSync(join(folder, "usr/lib"))).toBe("../lib");
    expect(readlinkSync(join(folder, "far"))).toBe("x".repeat(150));
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  });

  test.each<[string, readonly LayerEntry[]]>([
    ["by its name", [file("../outside")]],
    ["through a link", [{ kind: "link", path: "a", to: ".." }, file("a/outside")]],
  ])("is refused when an entry leaves it %s", async (_how, entries) => {
    const target = join(folder, "layer");
    await expect(unpack(Readable.from(tarOf(entries)), target)).rejects.toThrow(/^an entry lea(ve|d)s/);
    expect(readdirSync(folder)).toEqual(["layer"]);
  });

  test("is refused when it ends early", async () => {
    const whole = Buffer.concat([...tarOf([file("a", "some content")])]);
    await expect(unpack(Readable.from([whole.subarray(0, 520)]), folder)).rejects.toThrow("in the middle of an entry");
  });
});

describe("the root folder of an image", () => {
  test("has the upper layer's file where both have one", () => {
    makeRootFolder([layer({ "app/x": "old", "app/y": "y" }), layer({ "app/x": "new" })], join(folder, "root"));
    expect(readFileSync(join(folder, "root/app/x"), "utf8")).toBe("new");
    expect(readFileSync(join(folder, "root/app/y"), "utf8")).toBe("y");
  });

  test("lacks what an upper layer has taken out, and only that", () => {
    const lower = layer({ "app/gone": "", "app/kept": "", "lib/a": "", "lib/b": "" });
    const upper = layer({ "app/.wh.gone": "", "app/new": "", "lib/.wh..wh..opq": "", "lib/c": "" });
    makeRootFolder([lower, upper], join(folder, "root"));
    expect(readdirSync(join(folder, "root/app")).sort()).toEqual(["kept", "new"]);
    expect(readdirSync(join(folder, "root/lib"))).toEqual(["c"]);
  });

  test("links what is in one shared layer only, and copies what is small", () => {
    makeRootFolder(
      [layer({ "opt/dependencies/dagster/x.py": "" }, true), layer({ "app/main.py": "", "opt/own/y": "" })],
      join(folder, "root"),
    );
    expect(lstatSync(join(folder, "root/opt")).isSymbolicLink()).toBe(false);
    expect(lstatSync(join(folder, "root/opt/dependencies")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(folder, "root/app/main.py")).isFile()).toBe(true);
  });

  test("tells where a path of the image is, as far as the image has it", () => {
    const shared = layer({ "opt/dependencies/bin/dagster": "" }, true);
    makeRootFolder([shared, layer({ "app/main.py": "" })], join(folder, "root"));
    const root = join(folder, "root");
    expect(locate(root, "/app/main.py")).toBe(join(root, "app/main.py"));
    expect(locate(root, "/app/home/storage")).toBe(join(root, "app/home/storage"));
    expect(locate(root, "/opt/dependencies/bin")).toBe(join(shared.folder, "opt/dependencies/bin"));
    expect(locate(root, "/usr/bin")).toBeNull();
    expect(locate(root, "/")).toBeNull();
  });
});

function file(path: string, content = ""): LayerEntry {
  return { kind: "file", path, executable: false, content: Buffer.from(content) };
}

function unpackEntries(entries: readonly LayerEntry[]): Promise<void> {
  return unpack(Readable.from(tarOf(entries)), folder);
}

function* cut(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function layer(files: Readonly<Record<string, string>>, shared = false): Layer {
  const own = mkdtempSync(join(folder, "layer-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(own, path, ".."), { recursive: true });
    writeFileSync(join(own, path), content);
  }
  return { folder: own, shared };
}
