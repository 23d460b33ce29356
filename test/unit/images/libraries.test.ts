import { type BaseFiles, type BaseSystem, systemOf } from "../../../src/images/base-files.ts";
import type { Elf } from "../../../src/images/elf.ts";
import { libraryFindings, missingLibraries, type PackageElf } from "../../../src/images/libraries.ts";

const debian: BaseFiles = {
  files: [
    "etc/ld.so.conf",
    "opt/vendor/lib/libvendor.so.3.1",
    "usr/lib/x86_64-linux-gnu/libc.so.6",
    "usr/lib/x86_64-linux-gnu/libz.so.1.2.13",
    "usr/local/bin/python3.12",
    "usr/local/lib/libpython3.12.so.1.0",
    "usr/share/hidden/libhidden.so.1",
  ],
  links: {
    lib: "usr/lib",
    lib64: "usr/lib64",
    "usr/lib/x86_64-linux-gnu/libz.so.1": "libz.so.1.2.13",
    "usr/lib/x86_64-linux-gnu/libgone.so.1": "libgone.so.1.0",
    "opt/vendor/lib/libvendor.so.3": "/opt/vendor/lib/libvendor.so.3.1",
  },
  loaderFiles: {
    "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
    "etc/ld.so.conf.d/libc.conf": "# libc default configuration\n/usr/local/lib\n",
  },
  glibc: "2.36",
};

test("the loader of Debian finds libraries over links of files and folders, and where its settings say", () => {
  const system = systemOf(debian, "linux/amd64", "");
  expect(system.libc).toEqual({ kind: "glibc", version: "2.36" });
  expect(system.pythons).toEqual(["3.12"]);
  expect([...system.libraries].sort()).toEqual(["libc.so.6", "libpython3.12.so.1.0", "libz.so.1", "libz.so.1.2.13"]);
});

test("LD_LIBRARY_PATH counts, and a folder that includes itself does not hang", () => {
  const loaderFiles = { "etc/ld.so.conf": "include ld.so.conf\ninclude ld.so.conf.d/*\n/nowhere" };
  const system = systemOf({ ...debian, loaderFiles }, "linux/amd64", ":/opt/vendor/lib:relative");
  expect(system.libraries).toContain("libvendor.so.3");
  expect(system.libraries).not.toContain("libpython3.12.so.1.0");
});

test("another machine's folder is not looked into", () => {
  expect(systemOf(debian, "linux/arm64", "").libraries).not.toContain("libz.so.1");
});

test("Alpine has musl, and folders of its own", () => {
  const files = ["lib/ld-musl-x86_64.so.1", "usr/local/lib/liba.so.1", "usr/bin/python3.12"];
  const alpine = { files, links: {}, loaderFiles: {}, glibc: null };
  expect(systemOf(alpine, "linux/amd64", "")).toEqual({
    libc: { kind: "musl" },
    pythons: ["3.12"],
    libraries: new Set(["ld-musl-x86_64.so.1", "liba.so.1"]),
  });
  const told = { ...alpine, loaderFiles: { "etc/ld-musl-x86_64.path": "/lib:/other\n" } };
  expect(systemOf(told, "linux/amd64", "").libraries).not.toContain("liba.so.1");
});

test("of a base without any libc nothing is known", () => {
  expect(systemOf({ files: [], links: {}, loaderFiles: {}, glibc: null }, "linux/amd64", "").libc).toBeNull();
});

const elf = (needed: readonly string[], more: Partial<Elf> = {}): Elf => {
  return { machine: "amd64", needed, glibc: "2.17", definesGlibc: null, ...more };
};
const lightgbm: PackageElf = {
  path: "lightgbm/lib/lib_lightgbm.so",
  package: "lightgbm 4.5.0",
  elf: elf(["libgomp.so.1", "libc.so.6"]),
};
const system: BaseSystem = systemOf(debian, "linux/amd64", "");
const names: ReadonlySet<string> = new Set(["lib_lightgbm.so", "libgfortran-040039e1.so.5"]);

test("lightgbm on a slim base: the library, the package and the way out are named", () => {
  expect(libraryFindings([lightgbm], names, system, { platform: "linux/amd64", base: "python:3.12-slim" })).toEqual([
    expect.objectContaining({
      id: "library-missing",
      level: "error",
      where: "lightgbm/lib/lib_lightgbm.so, on python:3.12-slim",
      what: "lightgbm 4.5.0 needs libgomp.so.1, which neither the base nor any package has: importing it would fail.",
      fix: expect.stringContaining("apt-get install libgomp1") as unknown,
    }),
  ]);
});

test.each<[string, PackageElf["elf"], readonly string[]]>([
  ["in the base", elf(["libz.so.1"]), []],
  ["in a package", elf(["libgfortran-040039e1.so.5"]), []],
  ["by its path", elf(["/usr/lib/libz.so.1"]), []],
  ["of a graphics card's driver", elf(["libcuda.so.1", "libnvidia-ml.so.1"]), []],
  ["for another machine", elf(["libgomp.so.1"], { machine: "arm64" }), []],
  ["nowhere, twice", elf(["libx.so.1", "liba.so.1"]), ["liba.so.1", "libx.so.1"]],
  ["of musl, on glibc", elf(["libc.musl-x86_64.so.1"]), ["libc.musl-x86_64.so.1"]],
])("what is needed is %s", (_, needs, missing) => {
  const object = { path: "a/a.so", package: "a 1", elf: needs };
  const found = missingLibraries([object, { ...object, package: "b 1" }], names, system, "linux/amd64");
  expect(found.map(({ library }) => library)).toEqual(missing);
  for (const { packages } of found) expect(packages).toEqual(["a 1", "b 1"]);
});

test("a package that wants a newer glibc than the base has", () => {
  const object = { path: "a/a.so", package: "a 1", elf: elf(["libc.so.6"], { glibc: "2.38" }) };
  expect(libraryFindings([object], names, system, { platform: "linux/amd64", base: "debian:12" })).toMatchObject([
    { id: "glibc-too-old", what: "a 1: wants glibc 2.38, and the base has 2.36." },
  ]);
});
