/** Why a task could not start, as AWS's words tell it. */
export interface StartFailure {
  readonly id: "image-not-pulled" | "secret-not-read" | "task-not-started";
  /** What happened, as a clause. */
  readonly what: string;
  readonly fix: string;
  /** The next task cannot but fail alike: nothing that changes by itself is in the way. */
  readonly repeats: boolean;
  readonly source: string;
}

interface Row extends StartFailure {
  /** All of these are in the words of AWS. */
  readonly words: readonly RegExp[];
}

const guide = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide";
const pulling = `${guide}/task_cannot_pull_image.html`;
const initialising = `${guide}/resource-initialization-error.html`;
const environmentFiles = `${guide}/use-environment-file.html`;
const codes = `${guide}/stopped-task-error-codes.html`;

const isEnvironmentFile = /env(?:ironment)?(?: variable)? files?\b/i;
const isPull = /CannotPull|registry auth|pull image|Amazon ECR|\bapi\.ecr\b/i;
const isSecret = /secret|\bssm\b|parameter/i;
const isLog = /log group|log stream|logs:CreateLog|awslogs|logger args|logging driver/i;

/** What stands before every failure to fetch something for a task: only what follows can say that it was the image. */
const preamble = /unable to pull secrets or registry auth/gi;
const isUnreachable =
  /i\/o timeout|context deadline exceeded|dial tcp|request canceled|connection (?:issue|refused|reset)|no route to host|TLS handshake/i;
const isDenied = /denied|not authorized|unauthorized|no basic auth|forbidden|\b403\b/i;

/** The first row that matches tells it; the last ones of each kind match whatever is left. */
const rows: readonly Row[] = [
  {
    words: [isEnvironmentFile, isUnreachable],
    id: "task-not-started",
    what: "S3, which holds an environment file of its definition, cannot be reached from the task's subnets",
    fix: "Give the subnets a way there: a NAT gateway, a public address in a public subnet, or a gateway endpoint for S3; and let the security group out on 443.",
    repeats: false,
    source: initialising,
  },
  {
    words: [isEnvironmentFile, isDenied],
    id: "task-not-started",
    what: "the execution role may not read an environment file of its definition",
    fix: "Allow it s3:GetObject on the file and s3:GetBucketLocation on its bucket, and kms:Decrypt where a key of your own encrypts it; and look at the bucket's policy.",
    repeats: true,
    source: environmentFiles,
  },
  {
    words: [isEnvironmentFile],
    id: "task-not-started",
    what: "an environment file of its definition cannot be read",
    fix: "Check that each object under `environmentFiles` exists and ends in `.env`, that the execution role may read it, and that the subnets reach S3.",
    repeats: false,
    source: environmentFiles,
  },
  {
    words: [isPull, /matching platform|no match for platform|exec format/i],
    id: "image-not-pulled",
    what: "the image is not made for the CPU architecture of the task",
    fix: "Make the image for the platform that the task definition names (`runtimePlatform`), or change that.",
    repeats: true,
    source: pulling,
  },
  {
    words: [isPull, /toomanyrequests|rate limit|pull rate/i],
    id: "image-not-pulled",
    what: "the registry answers no more pulls for now",
    fix: "Wait, or keep the image in ECR: a pull-through cache does so for public ones.",
    repeats: false,
    source: pulling,
  },
  {
    words: [isPull, /no space left/i],
    id: "image-not-pulled",
    what: "the image does not fit on the task's disk",
    fix: "Give the task more ephemeral storage (`ephemeralStorage`), or make the image smaller.",
    repeats: false,
    source: pulling,
  },
  {
    words: [isPull, isUnreachable],
    id: "image-not-pulled",
    what: "the registry cannot be reached from the task's subnets",
    fix: "Give the subnets a way there: a NAT gateway, a public address in a public subnet, or VPC endpoints for ecr.api, ecr.dkr and S3; and let the security group out on 443.",
    repeats: false,
    source: pulling,
  },
  {
    words: [/CannotPull/i, /not found|manifest unknown|does not exist/i],
    id: "image-not-pulled",
    what: "the image does not exist in the registry",
    fix: "Push it again: a lifecycle rule, or somebody, has removed it; or name one that exists.",
    repeats: true,
    source: pulling,
  },
  {
    words: [isPull, isDenied],
    id: "image-not-pulled",
    what: "the execution role may not pull the image",
    fix: "Allow it ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer; an image of another account needs that account's repository policy as well.",
    repeats: true,
    source: pulling,
  },
  {
    words: [isPull],
    id: "image-not-pulled",
    what: "the image cannot be pulled",
    fix: "Check that the image exists for the task's CPU architecture, that the execution role may pull it, and that the subnets reach the registry.",
    repeats: false,
    source: pulling,
  },
  {
    words: [isLog, isUnreachable],
    id: "task-not-started",
    what: "CloudWatch Logs cannot be reached from the task's subnets",
    fix: "Give the subnets a way there: a NAT gateway, a public address in a public subnet, or a VPC endpoint for logs; and let the security group out on 443.",
    repeats: false,
    source: initialising,
  },
  {
    words: [isLog, /ResourceNotFound|does not exist/i],
    id: "task-not-started",
    what: "the log group of its definition does not exist",
    fix: "Create the log group that the task definition names, in the same region; or set `awslogs-create-group` and allow the execution role logs:CreateLogGroup.",
    repeats: true,
    source: initialising,
  },
  {
    words: [isLog, isDenied],
    id: "task-not-started",
    what: "the execution role may not write its log",
    fix: "Allow it logs:CreateLogStream and logs:PutLogEvents on the log group that the task definition names.",
    repeats: true,
    source: initialising,
  },
  {
    words: [isLog],
    id: "task-not-started",
    what: "its log cannot be opened",
    fix: "Check that the log group exists, that the execution role may write to it, and that the subnets reach CloudWatch Logs.",
    repeats: false,
    source: initialising,
  },
  {
    words: [/pull command failed/i],
    id: "task-not-started",
    what: "neither its secrets nor its image can be fetched in time",
    fix: "Usually the subnets have no way to Secrets Manager, SSM or ECR: a NAT gateway, a public address in a public subnet, or VPC endpoints; and the security group must let out on 443.",
    repeats: false,
    source: initialising,
  },
  {
    words: [isSecret, isUnreachable],
    id: "secret-not-read",
    what: "Secrets Manager or SSM cannot be reached from the task's subnets",
    fix: "Give the subnets a way there: a NAT gateway, a public address in a public subnet, or VPC endpoints for secretsmanager and ssm; and let the security group out on 443.",
    repeats: false,
    source: initialising,
  },
  {
    words: [isSecret, /did not contain json key|not contain (?:the )?(?:json )?key|invalid character .* looking for/i],
    id: "secret-not-read",
    what: "a secret does not have the key that its definition names",
    fix: "Add that key to the secret's JSON, or name one that it has (`secret:name#key`).",
    repeats: true,
    source: initialising,
  },
  {
    words: [
      isSecret,
      /ResourceNotFound|can't find the specified secret|ParameterNotFound|invalid ssm parameters|invalid parameters/i,
    ],
    id: "secret-not-read",
    what: "a secret or parameter of its definition does not exist",
    fix: "Create it under the name in the task definition, in the same region; or name one that exists.",
    repeats: true,
    source: initialising,
  },
  {
    words: [isSecret, isDenied],
    id: "secret-not-read",
    what: "the execution role may not read a secret of its definition",
    fix: "Allow it secretsmanager:GetSecretValue or ssm:GetParameters on what is named below, and kms:Decrypt where a key of your own encrypts it.",
    repeats: true,
    source: initialising,
  },
  {
    words: [isSecret],
    id: "secret-not-read",
    what: "a secret of its definition cannot be read",
    fix: "Check that each secret and parameter exists under the name in the task definition, that the execution role may read it (and decrypt it), and that the subnets reach Secrets Manager or SSM.",
    repeats: false,
    source: initialising,
  },
  {
    words: [/Cannot(?:Start|Create)Container/i, /exec format error/i],
    id: "task-not-started",
    what: "its program is made for another CPU architecture",
    fix: "Make the image for the platform that the task definition names (`runtimePlatform`), or change that.",
    repeats: true,
    source: codes,
  },
  {
    words: [
      /Cannot(?:Start|Create)Container/i,
      /executable file not found|no such file or directory|permission denied/i,
    ],
    id: "task-not-started",
    what: "its image does not have the program that is to run, or may not run it",
    fix: "Check `command` and `entryPoint` of the definition, and that the file is in the image, is executable, and names an interpreter that is there.",
    repeats: true,
    source: codes,
  },
];

/** Reads AWS's words for a task that did not start. @param reason of the task and of its containers */
export function startFailureOf(reason: string): StartFailure {
  const told = reason.replaceAll(preamble, "unable to pull secrets");
  const { words: _, ...known } = rows.find(({ words }) => words.every((word) => word.test(told))) ?? unknown;
  return known;
}

const unknown: Row = {
  words: [],
  id: "task-not-started",
  what: "it cannot start",
  fix: "The stopped task's reason, below, is AWS's own: change what it names.",
  repeats: false,
  source: codes,
};
