import { join } from "node:path";
import type { RoleRequest } from "../../../src/aws/assumed-role.ts";
import type { AwsOfJob } from "../../../src/aws/job.ts";
import type { Context, Progress } from "../../../src/domain/context.ts";
import type { Part } from "../../../src/domain/plan.ts";
import type { Release } from "../../../src/domain/release.ts";
import { type Closed, closeOpen } from "../../../src/releases/close.ts";
import { allParts, deploy, type DeployRequest, plan, type PlanRequest } from "../../../src/releases/deploy.ts";
import { type Examined, examine } from "../../../src/releases/examine.ts";
import { type Migrated, migrate } from "../../../src/releases/migrate.ts";
import { type Restarted, restart } from "../../../src/releases/restart.ts";
import { rollback } from "../../../src/releases/rollback.ts";
import { type Rolling, usualRolling } from "../../../src/releases/rolling.ts";
import type { SessionRequest } from "../../../src/releases/session.ts";
import { type Status, status } from "../../../src/releases/status.ts";
import type { Wishes } from "../../../src/releases/wishes.ts";
import type { Result } from "../../../src/releases/result.ts";
import { type Unlocked, unlockStack } from "../../../src/releases/unlock.ts";
import { type PlayedAccount, stackName } from "./account.ts";
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
  plan(approved?: DeployRequest["approved"]): Promise<Result>;
  rollback(
    to: string,
    options?: { readonly dryRun?: boolean; readonly approved?: DeployRequest["approved"] },
  ): Promise<Result>;
  status(): Promise<Status>;
  examine(): Promise<readonly Examined[]>;
  migrate(dryRun?: boolean): Promise<Migrated>;
  restart(service: string, dryRun?: boolean): Promise<Restarted>;
  unlock(why: string): Promise<Unlocked>;
  /** As the post step does. */
  close(): Promise<Closed | null>;
}

export interface DeployerOptions {
  /** Number of the workflow run. */
  readonly run?: number;
  readonly attempt?: number;
  /** Tells jobs of the same name in one run apart. */
  readonly leg?: string | null;
  readonly wire?: Wire;
  readonly waitSeconds?: number;
  /** What GitHub says of a run; null: it cannot be asked. */
  readonly isOver?: SessionRequest["isOver"];
  readonly allowDivergent?: boolean;
  readonly allowDirty?: boolean;
  /** Whose checkout it is. */
  readonly repository?: string;
  readonly wishes?: Partial<Wishes>;
  readonly compare?: SessionRequest["compare"];
  readonly queuedRuns?: DeployRequest["queuedRuns"];
  readonly verifying?: DeployRequest["verifying"];
  readonly keepRevisions?: DeployRequest["keepRevisions"];
  readonly allowStateLoss?: boolean;
  readonly rolling?: Partial<Rolling>;
  /** In whose name AWS is called; null: with credentials of the job that never end. */
  readonly role?: RoleRequest | null;
  /** What the environment of the job says of AWS. */
  readonly job?: AwsOfJob;
  /** Why files of the checkout may not be run where a plan is made; null: they may. */
  readonly whyNotRun?: string | null;
  readonly isTrial?: boolean;
  readonly prices?: PlanRequest["prices"];
}

export function deployer(
  account: PlayedAccount,
  {
    run = 1,
    attempt = 1,
    leg = null,
    wire = plainWire,
    waitSeconds = 0,
    isOver = null,
    allowDivergent = false,
    allowDirty = false,
    repository = `owner/${stackName}`,
    wishes = {},
    compare = null,
    queuedRuns = "keep",
    verifying = "false",
    keepRevisions = null,
    allowStateLoss = false,
    rolling: asked = {},
    role = null,
    job = { region: null, credentialsEndAt: null },
    whyNotRun = null,
    isTrial = false,
    prices = {},
  }: DeployerOptions = {},
): Deployer {
  const rolling = { ...usualRolling, ...asked };
  const progress: Progress[] = [];
  const controller = new AbortController();
  const context: Context = {
    clock: account.clock.product,
    signal: controller.signal,
    report: (event) => progress.push(event),
  };
  const connections = account.connections(wire, context, role);
  const request: SessionRequest = {
    root: account.root,
    file: "dagster-stack.yml",
    environment: account.environment,
    allowedAccounts: [],
    variables: {},
    job,
    repository,
    owner: {
      name: `owner/${stackName}/run/${run}/job/deploy`,
      attempt,
      job: leg,
      url: null,
      run: { repository: `owner/${stackName}`, id: run },
    },
    waitSeconds,
    isOver,
    onTake: () => undefined,
    scratch: account.root,
    kept: join(account.root, "kept"),
    allowDivergent,
    allowDirty,
    compare,
  };
  const wished: Wishes = { only: null, from: null, copyImages: false, ...wishes };
  return {
    progress,
    cancel: (reason) => controller.abort(reason),
    deploy: ({ parts = allParts, release = null, approved = null } = {}) =>
      deploy(context, connections, {
        ...request,
        ...wished,
        parts,
        release,
        approved,
        queuedRuns,
        allowStateLoss,
        rolling,
        verifying,
        keepRevisions,
      }),
    plan: (approved = null) =>
      plan(context, connections, {
        ...request,
        ...wished,
        release: null,
        approved,
        whyNotRun,
        isTrial,
        prices,
        definitions: { loads: false, files: [] },
        allowStateLoss,
        verifying,
      }),
    rollback: (to, { dryRun = false, approved = null } = {}) =>
      rollback(context, connections, { ...request, to, dryRun, approved, queuedRuns, allowStateLoss, rolling }),
    migrate: (dryRun = false) =>
      migrate(context, connections, {
        ...request,
        ...wished,
        release: null,
        queuedRuns,
        allowStateLoss,
        rolling,
        verifying,
        dryRun,
      }),
    restart: (service, dryRun = false) => restart(context, connections, { ...request, service, rolling, dryRun }),
    examine: () => examine(context, connections, request),
    status: () => status(context, connections, request),
    unlock: (why) => unlockStack(context, connections, request, { why, dryRun: false }),
    close: () => closeOpen(context, connections, request),
  };
}
