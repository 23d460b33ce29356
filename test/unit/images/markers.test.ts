import { compareVersions, isWanted, MarkerError, type Target } from "../../../src/images/markers.ts";

const target: Target = { platform: "linux/amd64", python: "3.11.7" };

/** The specification's own examples, and what lock files hold. That pip agrees is a contract test. */
test.each([
  ["python_version < '3.12'", true],
  ["python_version < '3.9'", false], // as text it would be true
  ["python_full_version >= '3.11.7'", true],
  ["'3.11' == python_version", true],
  ["python_version == '3.*'", true],
  ["python_version != '3.11.*'", false],
  ["python_version ~= '3.9'", true],
  ["python_full_version ~= '3.10.1'", false],
  ["python_full_version < '3.13.0a1'", true],
  ["python_full_version >= '3.11.7rc1'", true],
  ["python_full_version < '3.11.7.dev0'", false],
  ["python_full_version < '3.11.7.post1'", true],
  ["python_full_version >= '3.12.0b2'", false],
  ["python_full_version == '3.11.7+local'", true],
  ["python_full_version ~= '3.11.0a1'", true],
  ["python_full_version ~= '3.10.0rc1'", false],
  ["implementation_version > '1!1.0'", false],
  ["'3.12.0-alpha.3' > python_full_version", true],
  ["sys_platform == 'win32'", false],
  ["sys_platform != 'win32' and platform_machine == 'x86_64'", true],
  ["'linux' in sys_platform", true],
  ["platform_machine not in 'arm64 aarch64'", true],
  ["os_name == 'nt' or os_name == 'posix' and implementation_name == 'cpython'", true],
  ["(os_name == 'nt' or os_name == 'posix') and implementation_name == 'pypy'", false],
  ['platform_python_implementation === "CPython"', true],
  ["extra == 'dev'", false],
  ["python_version>='3.10'and(os_name=='posix')", true],
])("%s is %j", (marker, wanted) => {
  expect(isWanted(marker, target)).toBe(wanted);
});

test.each([
  ["1.0.dev1", "1.0a1.dev1"],
  ["1.0a1.dev1", "1.0a1"],
  ["1.0a1", "1.0a2"],
  ["1.0a2", "1.0beta1"],
  ["1.0b1", "1.0rc1"],
  ["1.0c1", "1.0"],
  ["1.0", "1.0.post1.dev1"],
  ["1.0.post1.dev1", "1.0-1"],
  ["1.0.post1", "1.1.dev0"],
  ["9.0", "1!0.1"],
])("as PEP 440 orders them, %s comes before %s", (before, after) => {
  expect(compareVersions(before, after)).toBe(-1);
  expect(compareVersions(after, before)).toBe(1);
  expect(compareVersions(after, after)).toBe(0);
});

test.each([
  ["1.0", "v1.0.0"],
  ["1.0rc1", "1.0-RC.1"],
  ["1.0.post2", "1.0-2"],
  ["1.0", "1.0+cpu"],
])("%s is %s", (one, other) => {
  expect(compareVersions(one, other)).toBe(0);
});

test("the patch of a Python whose patch is not known is 0", () => {
  expect(isWanted("python_full_version == '3.12.0'", { ...target, python: "3.12" })).toBe(true);
});

test("the processor is the image's", () => {
  expect(isWanted("platform_machine == 'aarch64'", { ...target, platform: "linux/arm64" })).toBe(true);
});

test.each([
  ["", "ends too early"],
  ["python_version", "ends too early"],
  ["python_version <", "ends too early"],
  ["python_version < '3.12' python_version", "nothing is expected before python_version"],
  ["(os_name == 'nt'", "ends too early"],
  ["(os_name == 'nt' os_name", "a bracket is not closed"],
  ["planet == 'mars'", "there is no planet"],
  ["os_name = 'nt'", "there is no comparison ="],
  ["os_name == nt", "there is no nt"],
  ["python_version ~= '3'", "~= needs more than 3"],
  ["python_version < 'new'", "new is not a version"],
  ["os_name == 'nt' & os_name == 'nt'", "belongs in no marker"],
  ["constructor == 'x'", "there is no constructor"],
])("%j is no marker: %s", (marker, words) => {
  expect(() => isWanted(marker, target)).toThrow(MarkerError);
  expect(() => isWanted(marker, target)).toThrow(words);
});
