import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { portableRecord, readPackages, scriptsOf, withPortableShebang } from "../../../src/images/packages.ts";

test("each command that a package declares becomes a script", () => {
  const text = [
    "[dagster.libraries]",
    "dagster = dagster:lib",
    "[console_scripts]",
    "dagster = dagster._cli:main",
    "# a remark = x:y",
    " dagster-daemon=dagster._daemon.cli:main [extra]",
    "nested = pkg.mod:app.main",
    "broken = no colon",
    "[gui_scripts]",
    "window = pkg:show",
    "[other]",
    "ignored = pkg:ignored",
  ].join("\r\n");
  const scripts = scriptsOf(text);
  expect([...scripts.keys()]).toEqual(["dagster", "dagster-daemon", "nested", "window"]);
  expect(scripts.get("nested")).toBe(
    '#!/usr/bin/env python3\nimport sys\nfrom pkg.mod import app\n\nif __name__ == "__main__":\n    sys.exit(app.main())\n',
  );
});

test.each([
  ["#!/opt/python/3.12/bin/python3.12\nprint()\n", "#!/usr/bin/env python3\nprint()\n"],
  ["#!/usr/bin/python -E\nprint()\n", "#!/usr/bin/env python3\nprint()\n"],
  ["#!/bin/sh\n'''exec' \"/a long/path/python3\" \"$0\" \"$@\"\n' '''\nprint()\n", "#!/usr/bin/env python3\nprint()\n"],
  ["#!/bin/sh\necho python\n", "#!/bin/sh\necho python\n"],
  ["\u007fELF python\n", "\u007fELF python\n"],
  ["", ""],
])("%j is portable as %j", (script, portable) => {
  expect(withPortableShebang(Buffer.from(script)).toString()).toBe(portable);
});

test("a module that comes as byte code alone is kept, and a command that pip names by its own Python is not", () => {
  const record = [
    "vendor/core.pyc,sha256=c,1",
    "pkg/a.py,sha256=a,1",
    "pkg/a.pyc,,",
    "../../bin/pip3.11,,",
    "../../bin/pip3,,",
    "",
  ];
  const scripts = new Map([["bin/pip3", ""]]);
  expect(portableRecord(record.join("\n"), scripts).split("\n")).toEqual([
    "bin/pip3,,",
    "pkg/a.py,sha256=a,1",
    "vendor/core.pyc,sha256=c,1",
    "",
  ]);
});

test("a layer holds a module that comes as byte code alone, and nothing that is named by the Python pip ran on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "packages-"));
  try {
    const files = [
      "vendor/core.pyc",
      "pkg/a.py",
      "pkg/a.pyc",
      "bin/pip",
      "bin/pip3.11",
      "pip-1.dist-info/entry_points.txt",
    ];
    for (const file of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), file.endsWith(".txt") ? "[console_scripts]\npip = pip:main\n" : "x");
    }
    const entries = await readPackages(folder);
    const found = entries
      .filter(({ kind }) => kind === "file")
      .map(({ path }) => path.replace("opt/dependencies/", ""));
    expect(found.toSorted()).toEqual(["bin/pip", "pip-1.dist-info/entry_points.txt", "pkg/a.py", "vendor/core.pyc"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the list of files names neither what is left out nor hashes of what is rewritten", () => {
  const record = [
    "pkg/b.py,sha256=bbb,2",
    "../../bin/tool,sha256=machine,200",
    "../../share/man/tool.1,sha256=mmm,9",
    "pkg/__pycache__/b.cpython-311.pyc,,",
    "pkg-1.dist-info/direct_url.json,sha256=ddd,3",
    "pkg-1.dist-info/RECORD,,",
    '"pkg/a,""b"".py",sha256=aaa,1',
    "",
  ].join("\r\n");
  expect(portableRecord(record).split("\n")).toEqual([
    '"pkg/a,""b"".py",sha256=aaa,1',
    "bin/tool,,",
    "pkg-1.dist-info/RECORD,,",
    "pkg/b.py,sha256=bbb,2",
    "share/man/tool.1,sha256=mmm,9",
    "",
  ]);
});
