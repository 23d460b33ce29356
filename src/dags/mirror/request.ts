import type { DagsFiles, DagsMirror, DagsVersion } from "../../domain/dags.ts";
import type { DagsRequest } from "../request.ts";

/** What is to lie under a prefix as plain files. */
export interface MirrorRequest {
  readonly dags: Pick<DagsRequest, "location" | "directory" | "place" | "source" | "run">;
  readonly version: DagsVersion;
  /** Without links: see `withoutLinks`. */
  readonly files: DagsFiles;
  readonly lock: DagsMirror["lock"];
  /** Versions lie under the same prefix: names that begin so are theirs. */
  readonly reserved: readonly string[];
}
