import type { Finding } from "../../domain/finding.ts";

/** What is done about known vulnerabilities: nothing is asked, they are said, or serious ones stop the release. */
export type ScanRule = "off" | "report" | "gate";

/** What is asked of a scan. */
export interface ScanRequest {
  readonly rule: ScanRule;
  /** A stack file asks for it: its `checks:` may let something pass. */
  readonly inStackFile: boolean;
}

/** What ECR says of an image when it is asked once. Statuses are ECR's. */
export interface ScanAnswer {
  /** Null: there is no scan of this image yet. */
  readonly status: string | null;
  readonly isComplete: boolean;
  /** How many there are of each severity: `CRITICAL`, `HIGH`, `MEDIUM`, `LOW`, `INFORMATIONAL`, `UNDEFINED`, `UNTRIAGED`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Names of vulnerabilities with their severities, as far as the answer has them. */
  readonly named: readonly { readonly name: string; readonly severity: string }[];
}

/** What one answer means. */
export type ScanState =
  | { readonly kind: "wait"; readonly notBegun: boolean }
  | { readonly kind: "scanned" }
  | { readonly kind: "never"; readonly why: string };

/**
 * `ACTIVE` is what continuous scans stay in; neither it nor `COMPLETE` counts before ECR says when the scan was over: findings have been
 * seen to come later than the status.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
 */
export function judgeScan({ status, isComplete }: ScanAnswer): ScanState {
  switch (status) {
    case null:
      return { kind: "wait", notBegun: true };
    case "COMPLETE":
    case "ACTIVE":
      return isComplete ? { kind: "scanned" } : { kind: "wait", notBegun: false };
    case "IN_PROGRESS":
    case "PENDING":
      return { kind: "wait", notBegun: false };
    case "FAILED":
      return { kind: "never", why: "the scan failed" };
    case "UNSUPPORTED_IMAGE":
      return { kind: "never", why: "ECR cannot scan an image of this kind" };
    case "SCAN_ELIGIBILITY_EXPIRED":
      return { kind: "never", why: "the image is too old to be scanned" };
    case "LIMIT_EXCEEDED":
      return { kind: "never", why: "the account has reached its limit of scans" };
    default:
      return { kind: "never", why: `ECR says ${/^[A-Z_]{1,60}$/.test(status) ? status : "something unknown"}` };
  }
}

/** What is to be said of a scan. `gate` stops at those of the severities critical and high. */
export function scanFindings(
  { rule, inStackFile }: ScanRequest,
  image: string,
  { counts, named }: ScanAnswer,
): readonly Finding[] {
  const serious = severities.slice(0, 2).reduce((sum, severity) => sum + (counts[severity] ?? 0), 0);
  const found = severities.flatMap((severity) => {
    const count = counts[severity] ?? 0;
    return count === 0 ? [] : [`${count} ${severity.toLowerCase()}`];
  });
  if (found.length === 0) return [];
  const worst = named
    .filter(
      ({ name, severity }) => /^[\w.:-]{1,60}$/.test(name) && severities.indexOf(severity) <= (serious > 0 ? 1 : 6),
    )
    .sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
    .slice(0, shown);
  const examples = worst.length === 0 ? "" : `, among them ${worst.map(({ name }) => name).join(", ")}`;
  return [
    {
      id: "image-vulnerable",
      level: serious === 0 ? "notice" : rule === "gate" ? "error" : "warning",
      where: image,
      what: `The scan of ECR knows of vulnerabilities in this image: ${found.join(", ")}${examples}.`,
      fix:
        serious === 0
          ? "Update base and packages when there are newer ones."
          : `Update base and packages; what cannot be mended yet is let pass ${inStackFile ? "for a while by `checks: { image-vulnerable: { level: warning, until: …, reason: … } }`" : "by `scan: report`"}.`,
      source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",
    },
  ];
}

/**
 * What is to be said when there is no result of a scan. A gate that cannot see lets nothing pass.
 * @param fix when something can be done about why
 */
export function notScanned(
  { rule }: ScanRequest,
  image: string,
  why: string,
  fix = "Let the repository be scanned on push.",
): Finding {
  return {
    id: "image-not-scanned",
    level: rule === "gate" ? "error" : "warning",
    where: image,
    what: `What ECR's scan says of this image is not known: ${why}.`,
    fix: rule === "gate" ? `${fix} To release without, write \`scan: report\`.` : fix,
    source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html",
  };
}

/** The worst first. */
const severities: readonly string[] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED"];
const shown = 5;
