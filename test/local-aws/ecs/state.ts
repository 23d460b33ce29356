import type {
  CreateServiceRequest,
  DeploymentConfiguration,
  DeploymentLifecycleHookAction,
  DeploymentLifecycleHookStatus,
  ServiceDeploymentLifecycleStage,
  Tag,
  TaskDefinition,
  TaskOverride,
} from "@aws-sdk/client-ecs";

/** All that ECS remembers. Times are milliseconds since 1970. */
export interface EcsState {
  readonly clusters: Map<string, Cluster>;
  /** Revisions by family; revision n is at n - 1. */
  readonly families: Map<string, Definition[]>;
  /** By `cluster/name`. */
  readonly services: Map<string, Service>;
  readonly tasks: Map<string, Task>;
  readonly tags: Map<string, readonly Tag[]>;
  /** Answers of RunTask by cluster and client token. */
  readonly runTokens: Map<string, { readonly request: string; readonly taskIds: readonly string[] }>;
}

export interface Cluster {
  readonly name: string;
  readonly arn: string;
}

/** A registered revision. */
export interface Definition {
  readonly content: TaskDefinition & { readonly taskDefinitionArn: string; readonly family: string };
  status: "ACTIVE" | "INACTIVE";
  deregisteredAt?: number;
}

/** What a service asks of its tasks. A change of any of these needs a deployment, and a revision remembers them. */
export interface ServiceShape {
  readonly definition: Definition;
  readonly settings: Pick<
    CreateServiceRequest,
    | "capacityProviderStrategy"
    | "loadBalancers"
    | "networkConfiguration"
    | "placementConstraints"
    | "placementStrategy"
    | "platformVersion"
    | "propagateTags"
    | "serviceConnectConfiguration"
    | "serviceRegistries"
    | "volumeConfigurations"
    | "enableECSManagedTags"
    | "enableExecuteCommand"
  >;
}

export interface Service {
  readonly name: string;
  readonly arn: string;
  readonly cluster: Cluster;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly launchType: "FARGATE" | "EC2";
  status: "ACTIVE" | "DRAINING" | "INACTIVE";
  desiredCount: number;
  shape: ServiceShape;
  configuration: DeploymentConfiguration;
  healthCheckGracePeriodSeconds: number | undefined;
  availabilityZoneRebalancing: "ENABLED" | "DISABLED" | undefined;
  /** PRIMARY first, then what still has tasks or is still to go. */
  deployments: readonly Deployment[];
  /** Newest first. */
  serviceDeployments: readonly ServiceDeployment[];
  revisions: readonly ServiceRevision[];
  /** Newest first. */
  events: readonly ServiceEvent[];
  /** The deployment a rollback would go to. */
  lastCompleted: Deployment | null;
  launches: Launches;
  steady: boolean;
  /** The scheduler will look at it soon. */
  woken: boolean;
}

/** Back-off between starts. */
export interface Launches {
  /** Tasks in a row that never reached RUNNING. */
  failed: number;
  /** Nothing is started now. */
  held: boolean;
}

export interface Deployment {
  readonly id: string;
  readonly revision: ServiceRevision;
  /** The one that began it, or that it takes back. */
  serviceDeployment: ServiceDeployment;
  status: string;
  rolloutState: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  rolloutStateReason: string;
  createdAt: number;
  updatedAt: number;
  failedTasks: number;
  /** How many tasks it should still have, once it is no longer PRIMARY. Lost ones are replaced up to here. */
  wanted: number;
  /** Is it a way back? Then the end of it ends the service deployment's rollback. */
  rollback: boolean;
}

export interface ServiceRevision {
  readonly arn: string;
  readonly shape: ServiceShape;
  readonly createdAt: number;
  /** Digests by container name, known once a task has pulled them. */
  readonly digests: Map<string, string>;
}

export type ServiceDeploymentStatus =
  | "PENDING"
  | "IN_PROGRESS"
  | "SUCCESSFUL"
  | "STOP_REQUESTED"
  | "STOPPED"
  | "ROLLBACK_REQUESTED"
  | "ROLLBACK_IN_PROGRESS"
  | "ROLLBACK_SUCCESSFUL"
  | "ROLLBACK_FAILED";

export interface ServiceDeployment {
  readonly arn: string;
  readonly createdAt: number;
  readonly sources: readonly ServiceRevision[];
  readonly target: ServiceRevision;
  readonly configuration: DeploymentConfiguration;
  status: ServiceDeploymentStatus;
  statusReason: string | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  stoppedAt: number | undefined;
  updatedAt: number;
  /** What the breaker counted for the target; a rollback does not go on counting here. */
  failureCount: number;
  breaker: "DISABLED" | "MONITORING" | "MONITORING_COMPLETE" | "TRIGGERED";
  rollback: { readonly reason: string; readonly startedAt: number; readonly revision: ServiceRevision } | undefined;
  /** Where a staged one is; a rolling update has none. */
  stage: ServiceDeploymentLifecycleStage | undefined;
  /** The time of this stage has passed. */
  due: boolean;
  /** Of all stages so far. */
  hooks: readonly Hook[];
  /** How much of production traffic goes to the target, in percent. */
  traffic: number;
  /** As it was before each change of its status, oldest first, with when that ended. */
  past: readonly { readonly until: number; readonly was: ServiceDeployment }[];
}

/** A pause that somebody has to end. */
export interface Hook {
  readonly id: string;
  readonly status: DeploymentLifecycleHookStatus;
  readonly expiresAt: number;
  readonly timeoutAction: DeploymentLifecycleHookAction;
}

export interface ServiceEvent {
  readonly id: string;
  readonly createdAt: number;
  readonly message: string;
}

export type TaskStatus =
  | "PROVISIONING"
  | "PENDING"
  | "ACTIVATING"
  | "RUNNING"
  | "DEACTIVATING"
  | "STOPPING"
  | "DEPROVISIONING"
  | "STOPPED";

export type StopCode = "EssentialContainerExited" | "TaskFailedToStart" | "UserInitiated" | "ServiceSchedulerInitiated";

export interface Task {
  readonly id: string;
  readonly arn: string;
  readonly cluster: Cluster;
  readonly definition: Definition;
  readonly overrides: TaskOverride;
  readonly startedBy: string | undefined;
  readonly group: string;
  readonly launchType: "FARGATE" | "EC2";
  readonly createdAt: number;
  readonly containers: readonly Container[];
  readonly interface: NetworkInterface;
  /** Null for a task of RunTask. */
  readonly service: Service | null;
  deployment: Deployment | null;
  lastStatus: TaskStatus;
  desiredStatus: "RUNNING" | "STOPPED";
  /** Grows with each change. */
  version: number;
  address: string | null;
  /** Null until it is registered. */
  targets: readonly Target[] | null;
  /** Registered under its Cloud Map names. */
  named: boolean;
  pullStartedAt?: number;
  pullStoppedAt?: number;
  startedAt?: number;
  stoppingAt?: number;
  executionStoppedAt?: number;
  stoppedAt?: number;
  stopCode?: StopCode;
  stoppedReason?: string;
  /** The settling time has passed. */
  settled: boolean;
  /** Why the scheduler replaces it; once set, for good. */
  condemned: string | null;
  /** Belongs to the deployment's former life: a rollback that starts new tasks replaces it. */
  outdated: boolean;
  /** It has counted as healthy once. */
  wasHealthy: boolean;
  /** The runtime has it. */
  handedOver: boolean;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly essential: boolean;
  readonly checked: boolean;
  readonly arn: string;
  state: "waiting" | "running" | "exited";
  health: "UNKNOWN" | "HEALTHY" | "UNHEALTHY";
  digest?: string;
  runtimeId?: string;
  exitCode?: number;
  reason?: string;
}

export interface NetworkInterface {
  readonly attachmentId: string;
  readonly id: string;
  readonly macAddress: string;
  readonly subnetId: string;
  readonly securityGroupIds: readonly string[];
  readonly publicAddress: string | null;
}

export interface Target {
  readonly targetGroupArn: string;
  readonly port: number;
  state: "initial" | "healthy" | "unhealthy" | "draining";
  /** Why it is unhealthy, in the load balancer's words. */
  reason: string | null;
}

export function createEcsState(): EcsState {
  return {
    clusters: new Map(),
    families: new Map(),
    services: new Map(),
    tasks: new Map(),
    tags: new Map(),
    runTokens: new Map(),
  };
}

/** Tasks in the order of their creation; stopped ones too, while they are remembered. */
export function tasksOf(state: EcsState, service: Service): readonly Task[] {
  return [...state.tasks.values()].filter((task) => task.service === service);
}

export function isLive(task: Task): boolean {
  return task.desiredStatus === "RUNNING";
}

export function isGone(task: Task): boolean {
  return task.lastStatus === "STOPPED";
}

/** The newest deployment: every service has one from its first moment. */
export function primaryOf(service: Service): Deployment {
  const [primary] = service.deployments;
  if (primary === undefined) throw new Error(`service ${service.name} has no deployment`);
  return primary;
}

/** Does it shift traffic in stages, rather than replace tasks in turns? */
export function isStaged({ strategy = "ROLLING" }: DeploymentConfiguration): boolean {
  return strategy !== "ROLLING";
}

/** Does what it replaces stay as it is for now? Until its clean-up, a staged deployment takes nothing away. */
export function keepsSource({ rolloutState, rollback, serviceDeployment }: Deployment): boolean {
  const isUnderWay = rolloutState === "IN_PROGRESS" && !rollback;
  return isUnderWay && isStaged(serviceDeployment.configuration) && serviceDeployment.stage !== "CLEAN_UP";
}

export function dateOf(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}
