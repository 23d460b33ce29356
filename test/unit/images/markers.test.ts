import { isWanted, MarkerError, type Target } from "../../../src/images/markers.ts";

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
  ["python_version < 'new'", "new is not a released version"],
  ["os_name == 'nt' & os_name == 'nt'", "belongs in no marker"],
  ["constructor == 'x'", "there is no constructor"],
])("%j is no marker: %s", (marker, words) => {
  expect(() => isWanted(marker, target)).toThrow(MarkerError);
  expect(() => isWanted(marker, target)).toThrow(words);
});
