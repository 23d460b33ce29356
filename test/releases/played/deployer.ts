import type { Context, Progress } from "../../../src/domain/context.ts";
import type { Part } from "../../../src/domain/plan.ts";
import type { Release } from "../../../src/domain/release.ts";
import { allParts, deploy, type DeployRequest, plan } from "../../../src/releases/deploy.ts";
import { rollback } from "../../../src/releases/rollback.ts";
import type { SessionRequest } from "../../../src/releases/session.ts";
import { type Status, status } from "../../../src/releases/status.ts";
import type { Result } from "../../../src/releases/result.ts";
import { type Unlocked, unlockStack } from "../../../src/releases/unlock.ts";
import { environmentName, type PlayedAccount, stackName } from "./account.ts";
import { plainWire, type Wire } from "./wire.ts";

/** A process that deploys: a job of a workflow run, or somebody at a terminal. Time moves only when a test moves it: `clock.run`. */
export interface Deployer {
  /** What it has said so far. */
  readonly progress: readonly Progress[];
  /** As a signal of the runner does. */
  cancel(reason: Error): void;
  deploy(options?: {
    readonly parts?: readonly Part[];
    readonly release?: Release | null;
    readonly approved?: DeployRequest["approved"];
  }): Promise<Result>;
  plan(): Promise<Result>;
  rollback(to: string): Promise<Result>;
  /** What {@link rollback} would do. */
  planRollback(to: string): Promise<Result>;
  status(): Promise<Status>;
  unlock(why: string): Promise<Unlocked>;
}

export interface DeployerOptions {
  /** Number of the workflow run. */
  readonly run?: number;
  readonly attempt?: number;
  readonly wire?: Wire;
  readonly waitSeconds?: number;
  /** What GitHub says of a run; null: it cannot be asked. */
  readonly isOver?: SessionRequest["isOver"];
  readonly allowDivergent?: boolean;
}

export function deployer(
  account: PlayedAccount,
  {
    run = 1,
    attempt = 1,
    wire = plainWire,
    waitSeconds = 0,
    isOver = null,
    allowDivergent = false,
  }: DeployerOptions = {},
): Deployer {
  const progress: Progress[] = [];
  const controller = new AbortController();
  const context: Context = {
    clock: account.clock.product,
    signal: controller.signal,
    report: (event) => progress.push(event),
  };
  const connections = account.connections(wire);
  const request: SessionRequest = {
    root: account.root,
    file: "dagster-stack.yml",
    environment: environmentName,
    allowedAccounts: [],
    variables: {},
    repository: `owner/${stackName}`,
    owner: {
      name: `owner/${stackName}/run/${run}/job/deploy`,
      attempt,
      url: null,
      run: { repository: `owner/${stackName}`, id: run },
    },
    waitSeconds,
    isOver,
    scratch: account.root,
    allowDivergent,
    compare: null,
  };
  return {
    progress,
    cancel: (reason) => controller.abort(reason),
    deploy: ({ parts = allParts, release = null, approved = null } = {}) =>
      deploy(context, connections, { ...request, parts, release, approved }),
    plan: () => plan(context, connections, { ...request, release: null }),
    rollback: (to) => rollback(context, connections, { ...request, to, dryRun: false }),
    planRollback: (to) => rollback(context, connections, { ...request, to, dryRun: true }),
    status: () => status(context, connections, request),
    unlock: (why) => unlockStack(context, connections, request, { why, dryRun: false }),
  };
}
