/**
 * Every rule by which the bed plays ECS: what it says, who says so, and how sure that is. The code of the bed reads its
 * values from here, and a test may set any of them. An `unsure` rule is a switch: nobody outside AWS knows, so whatever
 * turns with it rests on a guess. A rule without a value is how the bed is built; a test that bears its name holds it.
 */
export interface Rule<Value extends RuleValue | null = RuleValue | null> {
  readonly says: string;
  /** An address, or the name of a document. */
  readonly source: string;
  readonly certainty: Certainty;
  readonly value: Value;
  /** Every value it can take, the usual one first; empty for an amount and for a rule without a value. */
  readonly choices: readonly Value[];
}

export type Certainty = "documented" | "seen" | "unsure";
export type RuleValue = string | number | boolean;

const guide = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide";
const reference = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference";
const traces = "seen in real accounts, DescribeServices answers quoted in public issues";

export const ruleTable = {
  // How many tasks, and when one counts.
  upperBound: law("RUNNING and PENDING tasks: at most desired * maximumPercent / 100, rounded down", {
    source: `${reference}/API_DeploymentConfiguration.html`,
    certainty: "documented",
  }),
  lowerBound: law("Healthy tasks: at least desired * minimumHealthyPercent / 100, rounded up, unless they die", {
    source: `${reference}/API_DeploymentConfiguration.html`,
    certainty: "documented",
  }),
  settlingSeconds: amount(40, "Without health check and load balancer a task counts this long after RUNNING", {
    source: `${reference}/API_DeploymentConfiguration.html`,
    certainty: "documented",
  }),
  bothChecksCount: law("With a container health check and a load balancer, a task counts when both call it healthy", {
    source: `${reference}/API_DeploymentConfiguration.html`,
    certainty: "documented",
  }),
  stopsToMinimumAtOnce: choice(
    [true, false],
    "A rollout stops old tasks down to the minimum before it needs their room",
    {
      source: `${reference}/API_DeploymentConfiguration.html: "the service scheduler may stop two existing tasks"`,
      certainty: "unsure",
    },
  ),
  stoppingTasksCount: choice([false, true], "A task that is being stopped still counts against maximumPercent", {
    source: `${reference}/API_DeploymentConfiguration.html speaks of RUNNING and PENDING only`,
    certainty: "unsure",
  }),
  replacesFromOwnRevision: choice(
    [true, false],
    "During a rollout, a lost task of the old revision is replaced by its like",
    {
      source: "https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments",
      certainty: "documented",
    },
  ),
  unhealthyReplacedFirst: law(
    "An unhealthy task is stopped after its replacement is healthy, when maximumPercent has room",
    {
      source: "https://aws.amazon.com/blogs/containers/a-deep-dive-into-amazon-ecs-task-health-and-task-replacement/",
      certainty: "documented",
    },
  ),
  gracePeriod: law("healthCheckGracePeriodSeconds: failed checks are overlooked this long after a task has started", {
    source: `${reference}/API_CreateService.html`,
    certainty: "documented",
  }),
  completion: law("COMPLETED when all tasks of the target are healthy and those of the source are gone", {
    source: `${guide}/deployment-type-ecs.html`,
    certainty: "documented",
  }),
  completionWaitsForStopped: choice(
    [true, false],
    "Tasks of the source are gone when they are STOPPED, or when they are told to",
    {
      source: `${guide}/deployment-type-ecs.html says "cleaned up"`,
      certainty: "unsure",
    },
  ),
  earlySuccess: law(
    "earlySuccessCriteria: complete at desired * healthyPercent / 100, rounded up; DEFERRED does not wait for old tasks",
    {
      source: `${reference}/API_DeploymentConfiguration.html`,
      certainty: "documented",
    },
  ),
  desiredCountDeploys: choice([false, true], "A change of the desired count alone begins a deployment", {
    source: `${guide}/service-deployment.html names "properties that require a deployment" only`,
    certainty: "unsure",
  }),

  // Blue/green, linear and canary.
  stagesInOrder: law("Every staged deployment goes from RECONCILE_SERVICE to CLEAN_UP; a hook holds its stage up", {
    source: `${guide}/blue-green-deployment-how-it-works.html, ${reference}/API_ServiceDeployment.html`,
    certainty: "documented",
  }),
  sourceStaysUntilCleanUp: law(
    "The target runs at full count beside the source, which is stopped after the bake time",
    {
      source: `${guide}/blue-green-deployment-how-it-works.html`,
      certainty: "documented",
    },
  ),
  trafficSteps: law("CANARY shifts a part, waits and shifts the rest; LINEAR shifts equal parts, each with its wait", {
    source: `${reference}/API_CanaryConfiguration.html, API_LinearConfiguration.html`,
    certainty: "documented",
  }),
  pauseMinutes: amount(1440, "A PAUSE hook without a time of its own waits a day, and then rolls back", {
    source: `${reference}/API_DeploymentLifecycleHookTimeoutConfiguration.html`,
    certainty: "documented",
  }),
  stageSeconds: amount(5, "A stage in which nothing has to be waited for", {
    source: "an assumption",
    certainty: "unsure",
  }),
  breakerInStages: choice([false, true], "The circuit breaker watches staged deployments too", {
    source: `${reference}/API_DeploymentCircuitBreaker.html: "can only be used for services using the rolling update (ECS) deployment type"`,
    certainty: "unsure",
  }),
  stateWhileBaking: choice(["IN_PROGRESS", "COMPLETED"], "rolloutState of a staged deployment in its bake time", {
    source: `${reference}/API_Deployment.html does not say`,
    certainty: "unsure",
  }),

  // What takes AWS its time; the speed factor divides these.
  schedulingSeconds: amount(1, "The scheduler looks at a service this long after something changed", {
    source: "an assumption; event times in public traces differ by 1 to 10 seconds",
    certainty: "unsure",
  }),
  provisioningSeconds: amount(12, "PROVISIONING: the network interface of a Fargate task", {
    source: "an assumption; public traces of Fargate tasks show 8 to 20 seconds",
    certainty: "unsure",
  }),
  registrationSeconds: amount(4, "ACTIVATING and DEACTIVATING: targets and names are registered, and taken out again", {
    source: `${guide}/task-lifecycle-explanation.html; the duration is an assumption`,
    certainty: "unsure",
  }),
  deprovisioningSeconds: amount(10, "DEPROVISIONING: the network interface goes", {
    source: `${guide}/task-lifecycle-explanation.html; the duration is an assumption`,
    certainty: "unsure",
  }),
  stoppedTasksKeptSeconds: amount(3600, "A stopped task can be described for an hour", {
    source: `${guide}/stopped-task-errors.html: "at least one hour"`,
    certainty: "documented",
  }),
  taskStates: law("PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED", {
    source: `${guide}/task-lifecycle-explanation.html`,
    certainty: "documented",
  }),

  // Failed starts.
  backOffAfter: amount(2, "From this many failed starts in a row on, the next one waits", {
    source: "fitted to a real account's missing image: failed starts at 2:34, 4:46 and 11:00",
    certainty: "unsure",
  }),
  backOffSeconds: amount(240, "The first such wait; it doubles each time", {
    source: "fitted to a real account's missing image: failed starts at 2:34, 4:46 and 11:00",
    certainty: "unsure",
  }),
  backOffLongestSeconds: amount(1620, "The longest wait between starts: 27 minutes", {
    source: `${guide}/service-throttle-logic.html`,
    certainty: "documented",
  }),
  backOffOnlyUnstarted: law("Only tasks that never reached RUNNING make the next start wait", {
    source: `${guide}/service-throttle-logic.html`,
    certainty: "documented",
  }),
  breakerPercent: amount(50, "The breaker's threshold in percent of the desired count, when nothing else is set", {
    source: `${reference}/API_ServiceDeploymentCircuitBreaker.html`,
    certainty: "documented",
  }),
  breakerLeast: amount(3, "BOUNDED_PERCENT: at least", {
    source: `${guide}/deployment-circuit-breaker.html`,
    certainty: "documented",
  }),
  breakerMost: amount(200, "BOUNDED_PERCENT: at most", {
    source: `${guide}/deployment-circuit-breaker.html`,
    certainty: "documented",
  }),
  breakerThreshold: law("Percentages are rounded up and follow the latest desired count; COUNT is taken as it is", {
    source: `${guide}/deployment-circuit-breaker.html`,
    certainty: "documented",
  }),
  breakerStages: law("A task that does not reach RUNNING counts, then one that fails a health check", {
    source: `${guide}/deployment-circuit-breaker.html`,
    certainty: "documented",
  }),
  plainExitCounts: choice([true, false], "A task that reached RUNNING and exits by itself counts as a failed one", {
    source:
      "2026: https://dev.classmethod.jp/en/articles/ecs-deployment-circuit-breaker-custom-threshold-settings/ (yes); " +
      "2021-22: failedTasks stayed 0 in public issues (no)",
    certainty: "unsure",
  }),
  resetOnHealthyTask: law("A healthy task sets the count to 0, unless resetOnHealthyTask is false", {
    source: `${reference}/API_DeploymentCircuitBreaker.html`,
    certainty: "documented",
  }),
  failedKeepsOldTasks: law(
    "FAILED without rollback: nothing new is started, the old tasks go on, PRIMARY stays the failed one",
    {
      source: `${guide}/deployment-circuit-breaker.html`,
      certainty: "documented",
    },
  ),
  failedDesiredCount: choice(["zero", "kept"], "desiredCount of a FAILED deployment", {
    source: traces,
    certainty: "unsure",
  }),
  endlessWithoutBreaker: law("Without a breaker a deployment stays IN_PROGRESS for ever", {
    source: `${guide}/service-throttle-logic.html: "Services continue retry attempts indefinitely"`,
    certainty: "documented",
  }),

  // Going back.
  rollbackCandidate: law(
    "Back to the most recent COMPLETED deployment; one being rolled back to is none until it completes",
    {
      source: `${guide}/deployment-circuit-breaker.html`,
      certainty: "documented",
    },
  ),
  rollbackDeploymentId: choice(
    ["new", "same"],
    "A rollback is a deployment of its own, or the good one's id begins again",
    {
      source: `new: ${traces}; same: the wording of ${guide}/deployment-circuit-breaker.html`,
      certainty: "unsure",
    },
  ),
  rollbackStartsNewTasks: choice([true, false], "A rollback starts new tasks, even where good old ones run", {
    source: "https://github.com/aws/copilot-cli/issues/4838 (yes)",
    certainty: "unsure",
  }),
  stateOfFailedWhileRollingBack: choice(
    ["FAILED", "IN_PROGRESS"],
    "rolloutState of the failed deployment during the rollback",
    {
      source: traces,
      certainty: "unsure",
    },
  ),
  statusOfFailedWhileRollingBack: choice(
    ["ACTIVE", "DRAINING"],
    "status of the failed deployment during the rollback",
    {
      source: traces,
      certainty: "unsure",
    },
  ),
  rollbackInSameServiceDeployment: law(
    "The rollback belongs to the service deployment that failed; none is listed for it",
    {
      source: `${reference}/API_ServiceDeployment.html, member rollback`,
      certainty: "seen",
    },
  ),
  noCandidateStatus: choice(
    ["ROLLBACK_FAILED", "STOPPED"],
    "Service deployment that should roll back and has nowhere to go",
    {
      source: 'seen in real accounts: statusReason "No rollback candidate was found to run the rollback."',
      certainty: "unsure",
    },
  ),
  failedWithoutRollbackStatus: choice(
    ["STOPPED", "ROLLBACK_FAILED"],
    "Service deployment that failed with rollback off",
    {
      source: `${reference}/API_ServiceDeployment.html, member stoppedAt (STOPPED)`,
      certainty: "unsure",
    },
  ),
  stopRollsBack: law("StopServiceDeployment rolls back, breaker or not; one that is under way already goes on", {
    source: `${guide}/stop-service-deployment.html`,
    certainty: "documented",
  }),
  serviceDeploymentLagSeconds: choice([0, 20], "DescribeServiceDeployments is so many seconds behind deployments[]", {
    source: `${reference}/API_DescribeServices.html and its like are eventually consistent; by how much is not said`,
    certainty: "unsure",
  }),
  stopOfFinished: choice(
    ["ConflictException", "InvalidParameterException"],
    "StopServiceDeployment on one that is finished",
    {
      source: `${reference}/API_StopServiceDeployment.html lists both errors`,
      certainty: "unsure",
    },
  ),

  // One deployment after the other.
  oneServiceDeploymentEach: law(
    "Create, a change that needs it, and forceNewDeployment begin a service deployment each",
    {
      source: `${guide}/service-deployment.html`,
      certainty: "documented",
    },
  ),
  supersededStatus: choice(
    ["STOPPED", "STOP_REQUESTED"],
    "Service deployment in progress that a newer one replaces, at once",
    {
      source: `${guide}/service-deployment.html draws STOP_REQUESTED before STOPPED`,
      certainty: "unsure",
    },
  ),
  supersededRollbackStatus: choice(
    ["ROLLBACK_FAILED", "STOPPED"],
    "Service deployment rolling back that a newer one replaces",
    {
      source: "an assumption",
      certainty: "unsure",
    },
  ),
  currentServiceDeployment: choice(
    ["always", "late", "while-in-progress", "never"],
    "DescribeServices and UpdateService name the newest service deployment (late: once it is no longer PENDING)",
    {
      source: `${reference}/API_Service.html has the member, not when it is present`,
      certainty: "unsure",
    },
  ),
  finalStates: law("SUCCESSFUL, STOPPED, ROLLBACK_SUCCESSFUL and ROLLBACK_FAILED are never left", {
    source: `${guide}/service-deployment.html`,
    certainty: "documented",
  }),
  eventsKept: amount(100, "DescribeServices shows this many events, newest first", {
    source: `${reference}/API_Service.html`,
    certainty: "documented",
  }),

  // Tasks.
  essentialContainer: law("When an essential container exits, the whole task stops", {
    source: `${reference}/API_ContainerDefinition.html`,
    certainty: "documented",
  }),
  stopCodes: law("stopCode says who ended a task: the scheduler, the user, its container, or a failed start", {
    source: `${reference}/API_Task.html`,
    certainty: "documented",
  }),
  unstartedHasNoExitCode: law("A task that failed to start has no exit codes", {
    source: `${guide}/stopped-task-errors.html`,
    certainty: "seen",
  }),
  clientToken: law("RunTask with a clientToken that was used before answers the same tasks", {
    source: `${reference}/ECS_Idempotency.html`,
    certainty: "documented",
  }),
  capacityFailures: law("RunTask without capacity succeeds, with the reason in failures[]", {
    source: `${guide}/api_failures_messages.html`,
    certainty: "documented",
  }),

  // Task definitions.
  revisionsNeverReused: law("Revision numbers of a family only grow", {
    source: `${guide}/task-definition-state.html`,
    certainty: "documented",
  }),
  inactiveStaysInUse: law("An INACTIVE revision goes on in services that have it, and cannot be used anew", {
    source: `${guide}/task-definition-state.html`,
    certainty: "documented",
  }),
  definitionDefaults: choice([true, false], "A registered definition comes back with AWS's defaults filled in", {
    source: "seen in real accounts: DescribeTaskDefinition answers in public repositories",
    certainty: "seen",
  }),

  // Limits.
  describeServicesMost: amount(10, "Services in one DescribeServices", {
    source: `${reference}/API_DescribeServices.html`,
    certainty: "documented",
  }),
  describeTasksMost: amount(100, "Tasks in one DescribeTasks", {
    source: `${reference}/API_DescribeTasks.html`,
    certainty: "documented",
  }),
  describeServiceDeploymentsMost: amount(20, "ARNs in one DescribeServiceDeployments or DescribeServiceRevisions", {
    source: `${reference}/API_DescribeServiceDeployments.html`,
    certainty: "documented",
  }),
  pageMost: amount(100, "Elements of a page, at most; also when nothing is asked, but for the next two", {
    source: `${reference}/API_ListTasks.html`,
    certainty: "documented",
  }),
  listServicesPage: amount(10, "Services on a page of ListServices, when nothing is asked", {
    source: `${reference}/API_ListServices.html`,
    certainty: "documented",
  }),
  listServiceDeploymentsPage: amount(20, "Service deployments on a page, when nothing is asked", {
    source: `${reference}/API_ListServiceDeployments.html`,
    certainty: "documented",
  }),
  runTaskMost: amount(10, "Tasks from one RunTask", {
    source: `${reference}/API_RunTask.html`,
    certainty: "documented",
  }),
  overridesCharacters: amount(8192, "Characters of a RunTask's overrides, as JSON", {
    source: `${reference}/API_RunTask.html`,
    certainty: "documented",
  }),
  fargateSizes: law("Fargate takes certain pairs of CPU and memory only", {
    source: `${guide}/task_definition_parameters.html#task_size`,
    certainty: "documented",
  }),
  registrationLimits: law(
    "Health checks, stop timeouts, storage, ports, memory, volumes, secrets and dependencies have limits",
    {
      source: `${reference}/API_HealthCheck.html, API_ContainerDefinition, API_PortMapping, API_ContainerDependency`,
      certainty: "documented",
    },
  ),
  containersMost: amount(10, "Containers in a task definition", {
    source: `${guide}/service-quotas.html`,
    certainty: "documented",
  }),
  requestLimits: law(
    "RunTask and UpdateService refuse arguments that contradict each other, are too many, too long or negative",
    {
      source: `${reference}/API_RunTask.html, API_UpdateService, API_AwsVpcConfiguration, API_DescribeTasks`,
      certainty: "documented",
    },
  ),
  launchTypeFits: law("A launch type that the definition is not made for is refused", {
    source: `${reference}/API_RegisterTaskDefinition.html, member requiresCompatibilities`,
    certainty: "documented",
  }),
  ownAccountOnly: law("An ARN of another account or region names nothing here", {
    source: `${reference}/API_DescribeServices.html: names and ARNs of the caller's own account and region`,
    certainty: "documented",
  }),
  unplayedRefused: law(
    "What the bed does not play is refused aloud: alarms, hooks but pauses, hooks and bake times of rolling updates",
    {
      source: "a promise of this bed",
      certainty: "documented",
    },
  ),
  definitionBytes: amount(65536, "Bytes of a task definition: 64 KB", {
    source: `${guide}/service-quotas.html`,
    certainty: "documented",
  }),
  tagsMost: amount(50, "Tags on a resource", {
    source: `${reference}/API_Tag.html`,
    certainty: "documented",
  }),
} as const;

type Table = typeof ruleTable;
export type RuleId = keyof Table;

/** The rules that have a value, by their id. */
export type Rules = {
  readonly [Id in RuleId as Table[Id] extends Rule<null> ? never : Id]: Table[Id] extends Rule<infer Value>
    ? Value
    : never;
};

/** The rules that are how the bed is built. */
export type LawId = Exclude<RuleId, keyof Rules>;

/** The usual rules, but for those that are given. */
export function resolveRules(given: Partial<Rules> = {}): Rules {
  const usual = Object.fromEntries(Object.entries(ruleTable).map(([id, { value }]) => [id, value]));
  return { ...(usual as Rules), ...given };
}

type Sourced = Pick<Rule, "source" | "certainty">;

function law(says: string, sourced: Sourced): Rule<null> {
  return { says, ...sourced, value: null, choices: [] };
}

function amount(value: number, says: string, sourced: Sourced): Rule<number> {
  return { says, ...sourced, value, choices: [] };
}

function choice<const Value extends RuleValue>(
  choices: readonly [Value, ...Value[]],
  says: string,
  sourced: Sourced,
): Rule<Value> {
  return { says, ...sourced, value: choices[0], choices };
}
