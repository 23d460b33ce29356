import { canonicalJson } from "../domain/json.ts";

/** What a process must know to have code from S3. docs/dags.md says what the reader does with it. */
export interface ReadDags {
  readonly bucket: string;
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
export function readerVariables({ bucket, locations, pollSeconds }: ReadDags): Readonly<Record<string, string>> {
  return {
    DAGSTER_S3_BUCKET: bucket,
    DAGS: canonicalJson(locations),
    DAGS_ROOT: dagsFolder,
    DAGS_POLL_SECONDS: String(pollSeconds),
  };
}
