import { canonicalJson } from "../domain/json.ts";

/** What a process must know to have code from S3. docs/dags.md says what the reader does with it. */
export interface ReadDags {
  readonly bucket: string;
  /** The locations themselves; or the key of a list of them in the bucket, which comes to name others while the process runs. */
  readonly from:
    | { readonly kind: "named"; readonly named: NamedDags }
    | { readonly kind: "list"; readonly key: string };
}

export interface NamedDags {
  /** By location. */
  readonly locations: Readonly<Record<string, { readonly prefix: string; readonly module: string }>>;
  /** From one look at S3 to the next. */
  readonly pollSeconds: number;
}

/** Where versions are in every container: runs name the folder of theirs. */
export const dagsFolder = "/opt/dagster/dags";
/** The workspace file that the reader writes for who loads the code itself. */
export const dagsWorkspace = `${dagsFolder}/workspace.yaml`;
/** The volume that the containers of a task share. */
export const dagsVolume = "dags";

/** The reader's command line. Source: docker/dag-reader */
export function readerCommand(...words: readonly string[]): readonly string[] {
  return ["python", "-m", "dag_reader", ...words];
}

/** What every container that reads versions finds in its environment. */
export function readerVariables({ bucket, from }: ReadDags): Readonly<Record<string, string>> {
  return {
    DAGSTER_S3_BUCKET: bucket,
    DAGS_ROOT: dagsFolder,
    ...(from.kind === "list"
      ? { DAGS_LIST: from.key }
      : { DAGS: canonicalJson(from.named.locations), DAGS_POLL_SECONDS: String(from.named.pollSeconds) }),
  };
}
