import type { Finding } from "../domain/finding.ts";
import type { Survey } from "./survey.ts";

/**
 * What packages bring that is otherwise in an image of layers than in site-packages: their folder stands on PYTHONPATH, so before Python's
 * own library, and no `.pth` in it is read.
 * @param python version of the image's Python
 * @see https://docs.python.org/3/using/cmdline.html#envvar-PYTHONPATH
 * @see https://docs.python.org/3/library/site.html
 */
export function packageFindings(
  { modules, paths }: Pick<Survey, "modules" | "paths">,
  python: string,
): readonly Finding[] {
  const [, minor = 0] = python.split(".").map(Number);
  const shadows = [...modules].filter(([module]) => standardLibrary.has(module));
  // Older ones have distutils themselves.
  const unread = [...paths].filter(([path]) => path !== "distutils-precedence.pth" || minor >= 12);
  return [
    ...shadows.map(
      ([module, owner]): Finding => ({
        id: "package-shadows-python",
        level: "warning",
        where: owner,
        what: `${owner} has a module ${module}, as Python itself has: packages are found before Python's library in an image of layers, so it takes the place of Python's.`,
        fix: "Remove it from what is locked: a package of that name is for a Python that did not have the module yet.",
      }),
    ),
    ...unread.map(
      ([path, owner]): Finding => ({
        id: "path-file-not-read",
        level: "notice",
        where: owner,
        what: `${owner} brings ${path}, which Python reads in site-packages, and not where an image of layers has its packages: what it would do at each start is not done.`,
        fix: "Nothing, if the code does without it; else do it in the code, or build this image from a Dockerfile (build:).",
      }),
    ),
  ];
}

/** Top-level modules of Python 3.11 that 3.14 still has: `sys.stdlib_module_names`, without those that begin with an underscore. */
const standardLibrary: ReadonlySet<string> = new Set(
  "abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder multiprocessing netrc numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser wsgiref xml xmlrpc zipapp zipfile zipimport zlib zoneinfo".split(
    " ",
  ),
);
