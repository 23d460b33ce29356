import { judgeScan, notScanned, type ScanAnswer, scanFindings } from "../../../../src/images/scan/judge.ts";

const answer = (more: Partial<ScanAnswer> = {}): ScanAnswer => ({
  status: "COMPLETE",
  isComplete: true,
  counts: {},
  named: [],
  ...more,
});

// Every status that the service model of ECR has, and none.
test.each<[string | null, boolean, string]>([
  [null, false, "wait"],
  ["PENDING", false, "wait"],
  ["IN_PROGRESS", false, "wait"],
  ["COMPLETE", false, "wait"],
  ["COMPLETE", true, "scanned"],
  ["ACTIVE", false, "wait"],
  ["ACTIVE", true, "scanned"],
  ["FAILED", false, "never"],
  ["UNSUPPORTED_IMAGE", false, "never"],
  ["SCAN_ELIGIBILITY_EXPIRED", true, "never"],
  ["FINDINGS_UNAVAILABLE", false, "never"],
  ["LIMIT_EXCEEDED", false, "never"],
  ["IMAGE_ARCHIVED", false, "never"],
  ["SOMETHING_NEW", true, "never"],
])("%s, over: %s: %s", (status, isComplete, expected) => {
  expect(judgeScan(answer({ status, isComplete })).kind).toBe(expected);
});

test.each<["report" | "gate", Record<string, number>, string | null]>([
  ["gate", {}, null],
  ["gate", { MEDIUM: 0 }, null],
  ["gate", { MEDIUM: 3, LOW: 1 }, "notice"],
  ["gate", { HIGH: 1 }, "error"],
  ["gate", { CRITICAL: 1 }, "error"],
  ["report", { HIGH: 1, CRITICAL: 2 }, "warning"],
  ["report", { LOW: 1 }, "notice"],
])("%s with %j: %s", (rule, counts, level) => {
  expect(scanFindings({ rule, inStackFile: true }, "app@sha256:1", answer({ counts }))[0]?.level ?? null).toBe(level);
});

test("the worst are named, and only names that are names", () => {
  const named = [
    { name: "CVE-2026-2", severity: "HIGH" },
    { name: "CVE-2026-9", severity: "LOW" },
    { name: "CVE-2026-1", severity: "CRITICAL" },
    { name: "::error::no name", severity: "CRITICAL" },
  ];
  const [finding] = scanFindings(
    { rule: "gate", inStackFile: true },
    "app@sha256:1",
    answer({ counts: { CRITICAL: 2, HIGH: 1, LOW: 1 }, named }),
  );
  expect(finding?.what).toBe(
    "The scan of ECR knows of vulnerabilities in this image: 2 critical, 1 high, 1 low, among them CVE-2026-1, CVE-2026-2.",
  );
});

test("a gate that cannot see lets nothing pass", () => {
  expect(notScanned({ rule: "gate", inStackFile: true }, "app", "the scan failed").level).toBe("error");
  expect(notScanned({ rule: "report", inStackFile: true }, "app", "the scan failed").level).toBe("warning");
});

test("the way out is one that there is: `checks` are of a stack file", () => {
  const fix = (inStackFile: boolean): string =>
    scanFindings({ rule: "gate", inStackFile }, "app@sha256:1", answer({ counts: { HIGH: 1 } }))[0]?.fix ?? "";
  expect(fix(true)).toContain("checks: { image-vulnerable");
  expect(fix(false)).toBe("Update base and packages; what cannot be mended yet is let pass by `scan: report`.");
});
