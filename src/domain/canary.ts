/** What is run as canary: as the stack file says it, and as the plan holds it. */
export interface CanaryRun {
  /** An asset's key has its parts joined by `/`. */
  readonly target: { readonly kind: "job"; readonly name: string } | { readonly kind: "asset"; readonly key: string };
  readonly partition:
    | { readonly kind: "none" }
    | { readonly kind: "latest" }
    | { readonly kind: "named"; readonly name: string };
  /** Run config; null: the defaults of the code, or what the partition's code says. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** The run's lines must be in CloudWatch. */
  readonly logs: boolean;
  /** Where the run's compute logs must be; null does not look. `prefix` ends in a slash, or is empty. */
  readonly computeLogs: { readonly bucket: string; readonly prefix: string } | null;
}

/** `job load`, `asset raw/deals`. */
export function showTarget(target: CanaryRun["target"]): string {
  return target.kind === "job" ? `job ${target.name}` : `asset ${target.key}`;
}
