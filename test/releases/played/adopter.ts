import { join } from "node:path";
import { adopt, type Adopted, type AdoptRequest } from "../../../src/adopt/adopt.ts";
import { leave, type Left } from "../../../src/adopt/leaving/leave.ts";
import { type Imported, importSecrets, type ImportRequest } from "../../../src/adopt/secrets/import.ts";
import { recordRunning } from "../../../src/adopt/record.ts";
import type { Context, Progress } from "../../../src/domain/context.ts";
import type { Result } from "../../../src/releases/result.ts";
import { type PlayedAccount, stackName } from "./account.ts";
import { plainWire, type Wire } from "./wire.ts";

/** Somebody at a terminal, in a checkout, who adopts what runs. Time moves only when a test moves it: `clock.run`. */
export interface Adopter {
  readonly progress: readonly Progress[];
  adopt(options?: Partial<Pick<AdoptRequest, "wanted" | "given" | "force">>): Promise<Adopted>;
  record(dryRun?: boolean, allowDivergent?: boolean): Promise<Result>;
  leave(): Promise<Left>;
  importSecrets(options: Pick<ImportRequest, "store"> & Partial<ImportRequest>): Promise<Imported>;
}

export const anything: AdoptRequest["wanted"] = {
  cluster: "small",
  prefix: null,
  tag: null,
  cloudFormationStack: null,
};

export const givenInTests: AdoptRequest["given"] = {
  name: stackName,
  bucket: { name: "deploys", prefix: "" },
  url: "http://dagster.example",
  locations: [],
};

export function adopter(account: PlayedAccount, wire: Wire = plainWire): Adopter {
  const progress: Progress[] = [];
  const context: Context = {
    clock: account.clock.product,
    signal: new AbortController().signal,
    report: (event) => progress.push(event),
  };
  const connections = account.connections(wire, context, null);
  const request = {
    root: account.root,
    file: "dagster-stack.yml",
    environment: account.environment,
    allowedAccounts: [],
    variables: {},
    job: { region: account.aws.region, credentialsEndAt: null },
    repository: `owner/${stackName}`,
    owner: { name: "person/anna@laptop", attempt: 1, job: "here", url: null, run: null },
    waitSeconds: 0,
    isOver: null,
    onTake: () => undefined,
    scratch: account.root,
    kept: join(account.root, "kept"),
    allowDivergent: false,
    allowDirty: false,
    compare: null,
  };
  return {
    progress,
    adopt: ({ wanted = anything, given = givenInTests, force = true } = {}) =>
      adopt(context, connections, { ...request, wanted, given, force }),
    importSecrets: (options) =>
      importSecrets(context, connections, {
        ...request,
        folder: account.root,
        file: ".env.prod",
        variables: [],
        overwrite: [],
        wanted: anything,
        dryRun: false,
        ...options,
      }),
    leave: () => leave(context, connections, request),
    record: (dryRun = false, allowDivergent = false) =>
      recordRunning(context, connections, { ...request, dryRun, allowDivergent }),
  };
}

/** A stack file that was adopted, its images made of layers: no engine is played. */
export function madeOfLayers(stackFile: string): string {
  const files =
    "[{ from: app, to: /app/app }, { from: dagster.yaml, to: /opt/dagster/dagster.yaml }, { from: workspace.yaml, to: /opt/dagster/workspace.yaml }]";
  return stackFile.replaceAll(/build: \{.*\}/g, `layers: { base: "small/base:python", files: ${files} }`);
}
