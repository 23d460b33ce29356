import { packageFindings } from "../../../src/images/package-findings.ts";

const found = (modules: Readonly<Record<string, string>>, paths: Readonly<Record<string, string>>, python = "3.12.1") =>
  packageFindings({ modules: new Map(Object.entries(modules)), paths: new Map(Object.entries(paths)) }, python).map(
    ({ id, level, what }) => [id, level, what.split(",")[0]],
  );

test("a package that has a module of Python's own is told: it takes its place", () => {
  expect(found({ argparse: "argparse 1.4.0", enum: "enum34 1.1.10", numpy: "numpy 2.1.0" }, {})).toEqual([
    ["package-shadows-python", "warning", "argparse 1.4.0 has a module argparse"],
    ["package-shadows-python", "warning", "enum34 1.1.10 has a module enum"],
  ]);
});

test("a `.pth` file is told, that of setuptools only where Python has no distutils any more", () => {
  const paths = { "distutils-precedence.pth": "setuptools 80.9.0", "hook.pth": "hook 1.0" };
  expect(found({}, paths).map(([id, level]) => [id, level])).toEqual([
    ["path-file-not-read", "notice"],
    ["path-file-not-read", "notice"],
  ]);
  expect(found({}, paths, "3.11.7")).toEqual([["path-file-not-read", "notice", "hook 1.0 brings hook.pth"]]);
});
