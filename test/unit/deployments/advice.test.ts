import { exitAdviceOf } from "../../../src/deployments/stopped-tasks/exit-advice.ts";
import { logAdviceOf } from "../../../src/deployments/stopped-tasks/log-advice.ts";
import { startFailureOf } from "../../../src/deployments/stopped-tasks/start-failures.ts";
import { targetAdviceOf } from "../../../src/deployments/stopped-tasks/target-advice.ts";

const fetching =
  "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
const retried = "service call has been retried 1 time(s)";

// In the words of stopped-task-error-codes, task_cannot_pull_image and resource-initialization-error in the developer guide.
const starts: readonly (readonly [words: string, what: RegExp, repeats: boolean])[] = [
  [
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref R:T: not found.",
    /image does not exist/,
    true,
  ],
  ["CannotPullContainerError: manifest unknown: Requested image not found", /image does not exist/, true],
  [
    "CannotPullContainerError: pull access denied for app, repository does not exist or may require 'docker login'",
    /image does not exist/,
    true,
  ],
  [
    "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
    /architecture/,
    true,
  ],
  [
    "CannotPullContainerError: AccessDeniedException: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: ecr:BatchGetImage",
    /may not pull/,
    true,
  ],
  [
    "CannotPullContainerError: failed to do request: Head https://r/v2/app: dial tcp 10.0.0.1:443: i/o timeout",
    /registry cannot be reached/,
    false,
  ],
  [
    "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code 429: toomanyrequests",
    /no more pulls/,
    false,
  ],
  ["CannotPullContainerError: write /var/lib/x: no space left on device", /does not fit/, false],
  [
    `${fetching}: unable to retrieve ecr registry auth: ${retried}: RequestError: send request failed caused by: Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.0.1:443: i/o timeout`,
    /registry cannot be reached/,
    false,
  ],
  [
    `${fetching}: unable to retrieve ecr registry auth: ${retried}: AccessDeniedException: is not authorized to perform: ecr:GetAuthorizationToken`,
    /may not pull/,
    true,
  ],
  [
    `${fetching}: unable to retrieve secret from asm: ${retried}: failed to fetch secret arn:x from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.`,
    /secret or parameter .* does not exist/,
    true,
  ],
  [
    `${fetching}: unable to retrieve secret from asm: ${retried}: retrieved secret from Secrets Manager did not contain json key password`,
    /does not have the key/,
    true,
  ],
  [
    `${fetching}: unable to retrieve secrets from ssm: ${retried}: invalid ssm parameters: /app/password`,
    /secret or parameter .* does not exist/,
    true,
  ],
  [
    `${fetching}: unable to retrieve secrets from ssm: ${retried}: AccessDeniedException: is not authorized to perform: ssm:GetParameters`,
    /may not read a secret/,
    true,
  ],
  [
    `${fetching}: unable to retrieve secrets from ssm: ${retried}: RequestCanceled: request context canceled caused by: context deadline exceeded`,
    /SSM cannot be reached/,
    false,
  ],
  [`${fetching}: unable to retrieve secrets from ssm: ${retried}`, /secret .* cannot be read/, false],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration.",
    /registry cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: There is a connection issue between the task and Amazon ECR. Check your task network configuration.",
    /registry cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration.",
    /^Secrets Manager or SSM cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull secrets from SSM. There is a connection issue between the task and AWS Systems Manager Parameter Store. Check your task network configuration.",
    /^Secrets Manager or SSM cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: failed to download env files: The task can't download the environment variable files from Amazon S3. There is a connection issue between the task and Amazon S3. Check your task network configuration.",
    /^S3, .* cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: failed to download env files: file download command: non empty error stream: AccessDenied: Access Denied status code: 403",
    /may not read an environment file/,
    true,
  ],
  [
    "ResourceInitializationError: failed to download env files: file download command: non empty error stream: NoSuchKey",
    /environment file .* cannot be read/,
    false,
  ],
  [
    "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration.: signal: killed",
    /^CloudWatch Logs cannot be reached/,
    false,
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: pull command failed: : signal: killed",
    /fetched in time/,
    false,
  ],
  [
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
    /log group .* does not exist/,
    true,
  ],
  [
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: AccessDeniedException: is not authorized to perform: logs:CreateLogStream",
    /may not write its log/,
    true,
  ],
  [
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: RequestCanceled: context deadline exceeded",
    /CloudWatch Logs cannot be reached/,
    false,
  ],
  ["CannotStartContainerError: exec /usr/local/bin/dagster: exec format error", /another CPU architecture/, true],
  [
    'CannotCreateContainerError: exec: "dagster": executable file not found in $PATH',
    /does not have the program/,
    true,
  ],
  ["ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes", /cannot start/, false],
];

test.each(starts)("%s", (words, what, repeats) => {
  const failure = startFailureOf(words);
  expect(failure.what).toMatch(what);
  expect(failure.repeats).toBe(repeats);
});

// In the words of libpq, psycopg, SQLAlchemy, botocore, Python and Dagster.
const logs: readonly (readonly [line: string, what: RegExp, passes: boolean])[] = [
  ["exec /usr/local/bin/dagster: exec format error", /architecture/, false],
  [
    '(psycopg2.OperationalError) could not translate host name "db" to address: Name or service not known',
    /host name/,
    true,
  ],
  ['connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused', /cannot be reached/, true],
  [
    'connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "dagster"',
    /user or the password/,
    false,
  ],
  ['FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "dagster", database "dagster", no encryption', /TLS/, false],
  ['FATAL:  database "dagster" does not exist', /database that is named/, false],
  ['relation "runs" does not exist', /table is missing/, false],
  ["permission denied for schema public", /user of the database/, false],
  ["FATAL:  sorry, too many clients already", /no connection left/, true],
  ["FATAL:  the database system is starting up", /not up yet/, true],
  ["psycopg2.errors.AdminShutdown: terminating connection due to administrator command", /ended the connection/, true],
  ["psycopg2.InterfaceError: connection already closed", /ended the connection/, true],
  [
    "psycopg2.errors.ReadOnlySqlTransaction: cannot execute INSERT in a read-only transaction",
    /ended the connection/,
    true,
  ],
  [
    "botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the GetParameters operation: Rate exceeded",
    /more slowly/,
    true,
  ],
  ["botocore.exceptions.ReadTimeoutError: Read timeout on endpoint URL", /in time/, true],
  ["ConnectionResetError: [Errno 104] Connection reset by peer", /in time/, true],
  ["botocore.exceptions.NoRegionError: You must specify a region.", /region/, false],
  ["botocore.exceptions.NoCredentialsError: Unable to locate credentials", /credentials/, false],
  [
    "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the GetObject operation",
    /task role/,
    false,
  ],
  ["ModuleNotFoundError: No module named 'pandas'", /module is not in the image/, false],
  ["ImportError: cannot import name 'x' from 'y'", /cannot be loaded/, false],
  ["SyntaxError: invalid syntax", /cannot be loaded/, false],
  [
    "dagster._core.errors.DagsterInvalidConfigError: Errors whilst loading dagster instance config at dagster.yaml.",
    /its configuration/,
    false,
  ],
  ["dagster._core.errors.DagsterInvalidDefinitionError: Duplicate asset key", /definitions/, false],
  ["KeyError: 'DAGSTER_PG_PASSWORD'", /variable is missing/, false],
  ["OSError: [Errno 98] Address already in use", /port is taken/, false],
  ["OSError: [Errno 30] Read-only file system: '/opt/dagster'", /nothing may be written/, false],
  ["PermissionError: [Errno 13] Permission denied: '/opt/dagster'", /may not read/, false],
];

test.each(logs)("A log that ends with: %s", (line, what, passes) => {
  const advice = logAdviceOf(`Traceback (most recent call last):\n${line}\n`);
  expect(advice?.what).toMatch(what);
  expect(advice?.passes).toBe(passes);
  expect(advice?.source).toMatch(/^https:/);
});

test("Of a log with several known lines the last one tells most, and an unknown log tells nothing", () => {
  expect(logAdviceOf("KeyError: 'HOME'\nModuleNotFoundError: No module named 'a'\nsee above")?.what).toMatch(/module/);
  expect(logAdviceOf("all is well")).toBeNull();
});

test.each([
  [126, /may not be run/],
  [127, /not found in the image/],
  [137, /killed, and not for its own memory limit/],
  [139, /library crashed/],
])("Exit code %i", (code, what) => {
  expect(exitAdviceOf(code)?.what).toMatch(what);
});

test("Exit code 1 says nothing by itself", () => {
  expect(exitAdviceOf(1)).toBeNull();
});

const unhealthy = (reason: string): string =>
  `(service app) (task a25c) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/1) due to (reason ${reason}).`;

test.each([
  ["Request timed out", /nothing answers/],
  ["Health checks failed", /nobody listens/],
  ["Health checks failed with these codes: [502]", /with 502/],
])("A target that is unhealthy because of: %s", (reason, what) => {
  expect(targetAdviceOf(["(service app) has started 1 tasks", unhealthy(reason)])?.what).toMatch(what);
});

test("A target of which nobody says why it is unhealthy gets no advice", () => {
  expect(targetAdviceOf(["(service app) has started 1 tasks"])).toBeNull();
});
