import { portableRecord, scriptsOf, withPortableShebang } from "../../../src/images/packages.ts";

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
