import * as z from "zod";
import { contractSchema, secretReferenceSchema, wholeSecretSchema } from "../domain/contract.ts";
import { dagsPrefixSchema } from "../domain/dags.ts";
import { levelSchema } from "../domain/finding.ts";
import { keySchema, locationSchema, platformSchema } from "../domain/identifiers.ts";
import { imagePartSchema } from "../domain/release.ts";
import { sizeProblem } from "./size.ts";

// The stack file as it is written. The descriptions are the reference: docs/stack-file.md and the JSON schema are made
// of them. What releases/limits.ts refuses or leaves out is said in them with the words "not in this version"; a test holds
// the two together.

const text = z.string().min(1);

const repositoryPath = text.regex(
  /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\\]+$/,
  "a path inside the repository, from its root, without a leading slash and without .. in it",
);
/** A path in the repository; `family:name`, `family:name:7`, or an ARN with its revision. */
const definitionSource = text.regex(
  /^(?:family:[A-Za-z0-9_-]{1,255}(?::[1-9]\d*)?|arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition\/[A-Za-z0-9_-]{1,255}:[1-9]\d*|(?!\/|family:|arn:)(?!(.*\/)?\.\.(\/|$))[^\\]+)$/,
  "a path inside the repository, from its root and without .. in it, or `family:name`, `family:name:revision`, or a task " +
    "definition's ARN with its revision",
);
const containerPath = text.regex(/^\/[^\0]*$/, "an absolute path in the container");
const portSchema = z.int().min(1).max(65535);

const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a variable's name: letters, digits and underscores, no digit first");

/** A database login for nginx or for the gates: one secret with several keys, so no `#key`. */
const basicAuthSchema = z.strictObject({
  basic: wholeSecretSchema.describe(
    "Secret with the keys `username`, `password` and, for nginx, `htpasswd`: `secret:name`.",
  ),
});

const nginxSchema = basicAuthSchema.extend({
  image: keySchema.default("nginx").describe("The image of nginx, made of `docker/nginx`: a key of `images`."),
});

/** Headers that every request has, or that are about its connection. */
const ownHeaders = [
  "accept",
  "connection",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
];

/** Without a flag, which the JSON schema could not say: each letter in both cases. */
const anyCase = (name: string): string => name.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);

const headerName = new RegExp(`^(?!(?:${ownHeaders.map(anyCase).join("|")})$)[A-Za-z0-9-]+$`);

const gatesAuthSchema = z
  .strictObject({
    basic: wholeSecretSchema
      .optional()
      .describe("User and password: a secret with the keys `username` and `password`: `secret:name`."),
    headers: z
      .record(
        z.string().regex(headerName, "a header's name: letters, digits and hyphens, and none that every request has"),
        secretReferenceSchema,
      )
      .superRefine((headers, context) => {
        const seen = new Map<string, string>();
        for (const name of Object.keys(headers)) {
          const other = seen.get(name.toLowerCase());
          seen.set(name.toLowerCase(), name);
          if (other === undefined) continue;
          const message = `is the header \`${other}\` again: case does not tell names of headers apart`;
          context.addIssue({ code: "custom", path: [name], message, params: { fix: "Keep one of the two." } });
        }
      })
      .optional()
      .describe(
        "Headers by which the login knows a machine, each with the secret of its value: `CF-Access-Client-Id: secret:name#key`. " +
          "`ssm:/path`, `secret:name` or `secret:name#key`.",
      ),
  })
  .refine(
    ({ basic, headers }) => (basic === undefined) !== (headers === undefined || Object.keys(headers).length === 0),
    {
      error: "needs one of `basic` and `headers`, and not both",
      params: { fix: "Name the secret with user and password, or the headers that the login wants." },
    },
  );

const variables = {
  environment: z
    .record(variableName, z.string())
    .default({})
    .describe("Environment variables in plain text. Numbers and true/false go in quotes."),
  secrets: z
    .record(variableName, secretReferenceSchema)
    .default({})
    .describe(
      "Environment variables from secrets: `ssm:/path`, `secret:name` or `secret:name#key`. ECS puts the value in.",
    ),
  "secrets-from": z
    .array(
      z.union([
        text.regex(/^ssm:\/([\w.-]+\/)+$/, "a path of parameters that ends in a slash: ssm:/path/"),
        z.strictObject({
          secret: text.regex(/^[\w/+=.@-]+$/, "the name of a secret").describe("Name of the secret."),
          keys: z.array(variableName).min(1).describe("Its keys; each becomes a variable of the same name."),
        }),
      ]),
    )
    .default([])
    .describe(
      "Many at once: every parameter below `ssm:/path/`, under the last part of its name; or the named `keys` of " +
        "one `secret`.",
    ),
};

const tagsSchema = z
  .record(
    z
      .string()
      .max(128)
      .regex(/^(?!aws:).+$/i, "a tag's key: at most 128 characters, not beginning with aws:"),
    z.string().max(256),
  )
  .default({});

const sizeSchema = z
  .strictObject({
    cpu: z.int().positive().describe("CPU units; 1024 are one vCPU."),
    memory: z.int().positive().describe("MiB."),
  })
  .superRefine((size, context) => {
    const problem = sizeProblem(size);
    if (problem !== null) context.addIssue({ code: "custom", message: problem.what, params: { fix: problem.fix } });
  });

const mountsSchema = z.record(keySchema, containerPath);

const containerName = text.regex(/^[A-Za-z0-9_-]{1,255}$/, "a container's name");

/** Members that a sidecar has from elsewhere: its name is its key. */
const sidecarSettings = z.record(text, z.unknown()).refine((settings) => !("name" in settings || "image" in settings), {
  error: "sets `name` or `image`",
  params: { fix: "Its key is its name; write `image` beside `settings`." },
});

const sidecarsSchema = z
  .record(
    containerName,
    z.strictObject({
      image: text.describe(
        "A key of `images`, for the digest that is released; or an image from elsewhere: `host/repository:tag`.",
      ),
      settings: sidecarSettings
        .default({})
        .describe(
          "Members of a container definition as ECS takes them: `environment: [{ name, value }]`, `memoryReservation`, `healthCheck`. " +
            "It is not essential, and writes its lines where the task does, unless they say otherwise.",
        ),
    }),
  )
  .default({});

/** What a definition of the user's own decides for itself. */
const ownDefinitionDecides = ["size", "mounts", "auth", "module", "python-path", "workdir"] as const;

const serviceKeys = {
  image: keySchema.describe("The image it runs: a key of `images`."),
  "task-definition": definitionSource
    .optional()
    .describe(
      "Where the task definition comes from, when we do not make it: the path of a JSON or YAML file; `live` for the " +
        "one that runs now; `family:name` for the newest of a family; `family:name:7` or an ARN for one revision. Only image, " +
        "environment, secrets and tags are then set in it.",
    ),
  service: text
    .regex(/^[A-Za-z0-9_-]{1,255}$/, "an ECS service's name")
    .optional()
    .describe("Name of the ECS service. The contract's name wins; without either it is `<stack>-<key>`."),
  family: text
    .regex(/^[A-Za-z0-9_-]{1,255}$/, "a task definition family")
    .optional()
    .describe("Task definition family. Default `<stack>-<key>`, or what the definition file says."),
  container: containerName
    .optional()
    .describe("Container that runs Dagster. Default the service's key; in an existing definition, its only container."),
  replaces: text
    .regex(/^[A-Za-z0-9_-]{1,255}$/, "an ECS service's name")
    .optional()
    .describe(
      "Name of an ECS service outside of this stack, in the same cluster, whose work this one takes over. It is brought to no " +
        "task before this one starts, so that the two never run at once, and back should the release fail. Whoever made it " +
        "removes it; until then a release stops it again when it runs.",
    ),
  size: sizeSchema.optional().describe("CPU and memory of the task. Default 512 and 1024."),
  mounts: mountsSchema.optional().describe("Volumes: key of `volumes` to the path in the container."),
  sidecars: sidecarsSchema.describe(
    "Further containers of the task, by their names. In a definition of your own they are there already, and only their image is set.",
  ),
  rollout: z
    .enum(["keep", "apply"])
    .default("keep")
    .describe(
      "`keep`: percentages and circuit breaker stay as the infrastructure set them. `apply`: before it is rolled, a service " +
        "that CloudFormation has not made gets those its kind needs: a breaker with rollback, 0/100 for a daemon, 100/200 " +
        "for a code location.",
    ),
  ...variables,
  tags: tagsSchema.describe("ECS tags, beside those at the top of the file."),
};

const hostKeys = {
  locations: z
    .array(locationSchema)
    .default([])
    .describe(
      "Locations that this process loads itself, without a code server: those of its workspace file. It then moves with every " +
        "change of their code. Webserver and daemon name the same ones. Their runs share one task definition, that of the first.",
    ),
  "moves-with": z
    .enum(["image", "dagster"])
    .optional()
    .describe(
      "`image`: rolls whenever its image changes. `dagster`: keeps its digest until Dagster's pins, base, Python, " +
        "working folder, instance files, workspace or its own definition change. Default `dagster` where code servers " +
        "exist and it loads no location, else `image`; with `locations` it cannot be `dagster`.",
    ),
};

const webserverSchema = z
  .strictObject({
    kind: z.literal("webserver").describe("Dagster's UI and GraphQL."),
    ...serviceKeys,
    ...hostKeys,
    port: portSchema.optional().describe("Port it listens on. The contract's wins; default 3000, with `auth` 8080."),
    url: z
      .url({ protocol: /^https?$/, error: "an http:// or https:// address" })
      .optional()
      .describe("Where people reach it. The contract's wins. Asked by the gates when `gates.reach` is `runner`."),
    count: z
      .int()
      .min(1)
      .default(1)
      .describe("Tasks to start when none runs, and nothing scales it or it is the first release."),
    scaling: z
      .strictObject({
        min: z.int().min(1).describe("Fewest tasks."),
        max: z.int().min(1).describe("Most tasks."),
        cpu: z.int().min(1).max(100).optional().describe("Target CPU use, in percent."),
        memory: z.int().min(1).max(100).optional().describe("Target memory use, in percent."),
      })
      .refine(({ min, max }) => min <= max, { path: ["min"], error: "is above max", params: { fix: "Swap them." } })
      .optional()
      .describe("How the infrastructure scales it. Read for price and drift; never applied."),
    auth: nginxSchema
      .optional()
      .describe(
        "Puts nginx with basic authentication in front of it, as a sidecar called `nginx`, which listens on `port` (8080, " +
          "unless told); Dagster answers it only.",
      ),
  })
  .superRefine(checkService);

const daemonSchema = z
  .strictObject({
    kind: z.literal("daemon").describe("Dagster's daemon: schedules, sensors, the run queue. There is exactly one."),
    ...serviceKeys,
    ...hostKeys,
    count: z.literal(1).default(1).describe("Always 1: two daemons would tick every schedule twice."),
  })
  .superRefine(checkService);

const codeLocationSchema = z
  .strictObject({
    kind: z
      .literal("code-location")
      .describe("A code server: `dagster api grpc`; with `dags:`, started by the reader of DAGs."),
    ...serviceKeys,
    location: locationSchema.describe(
      "Dagster's name for the location. Schedules, sensors and cursors are stored under it: a new name loses " +
        "their state.",
    ),
    module: text
      .regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, "a Python module: package.module")
      .optional()
      .describe("Python module that holds the definitions. Needed unless `task-definition` or `dags` brings it."),
    "python-path": containerPath.optional().describe("Folder to add to `PYTHONPATH`."),
    workdir: containerPath.optional().describe("Working directory. Default the image's."),
    address: text.optional().describe("DNS name under which webserver and daemon reach it. The contract's wins."),
    port: portSchema.optional().describe("Port it listens on. The contract's wins; default 4000."),
    count: z
      .literal(1)
      .default(1)
      .describe("Always 1: Dagster takes two servers of one location for one that keeps changing."),
  })
  .superRefine(checkService);

const serviceSchema = z.discriminatedUnion("kind", [webserverSchema, daemonSchema, codeLocationSchema]);

const dockerfileKeys = {
  context: repositoryPath.default(".").describe("Folder that is sent to the build."),
  dockerfile: repositoryPath.describe("Path of the Dockerfile, from the root of the repository."),
  target: text.optional().describe("Stage to build. Default the last one."),
  arguments: z
    .record(variableName, z.string())
    .default({})
    .describe(
      "Build arguments (`ARG`), in plain text: whoever may pull the image reads them. Numbers and true/false go in quotes.",
    ),
  secrets: z
    .record(
      z.string().regex(/^[\w.-]{1,100}$/, "a secret's id: letters, digits and _.-"),
      text.regex(
        /^(env:[A-Za-z_]\w*|file:(?!\/)(?!(.*\/)?\.\.(\/|$))[^\\]+)$/,
        "`env:NAME`, a variable of the step, or `file:path`, a file in the repository's folder",
      ),
    )
    .default({})
    .describe(
      "What `RUN --mount=type=secret,id=…` finds, by its id: `env:NAME` is a variable of the step, `file:path` a file that a step " +
        "before has written, and that is not sent with the context. Values are in no image, argument, content key or log: a new " +
        "value alone builds nothing anew.",
    ),
  cache: z
    .enum(["off", "registry"])
    .default("off")
    .describe(
      "`registry` keeps the layers of all stages in the image's own repository, as `cache` or `cache-<target>`, and takes them from " +
        "there: for builders that begin with nothing. The repository must leave `cache*` out of what is immutable.",
    ),
  provenance: z
    .enum(["off", "min", "max"])
    .default("off")
    .describe(
      "SLSA provenance beside the image: `max` tells build arguments, too. With it the registry gets an index in the place of " +
        "an image, which ECR scans only by its parts.",
    ),
};

const imageSchema = z
  .strictObject({
    repository: imagePartSchema.shape.repository.describe("Name of the ECR repository."),
    create: z
      .union([
        z.literal(true),
        z.strictObject({
          "scan-on-push": z
            .boolean()
            .default(true)
            .describe("Have ECR look for known vulnerabilities in what is pushed."),
          "kms-key": text
            .optional()
            .describe("Id, alias or ARN of the KMS key that encrypts it. Default the key of S3."),
        }),
      ])
      .optional()
      .describe(
        "Make the repository when it is not there: `true`, or how. Its tags never move, but for those that begin with `cache`. " +
          "Default: it is an error when it is not there.",
      ),
    platform: platformSchema.default("linux/amd64").describe("Operating system and CPU architecture."),
    build: z
      .strictObject({
        ...dockerfileKeys,
        lock: repositoryPath
          .optional()
          .describe(
            "Lock file that the Dockerfile installs: a new one is a new image, and DAGs that were written with another one are told. " +
              "Nobody looks whether the Dockerfile does so.",
          ),
      })
      .optional()
      .describe(
        "Built from a Dockerfile, by buildx and a builder that this job has: docker/setup-buildx-action brings both.",
      ),
    layers: z
      .strictObject({
        base: z
          .union([text, z.strictObject(dockerfileKeys)])
          .describe(
            "Image to start from: its name in a registry, or a Dockerfile (and target) that makes it, built when it changes.",
          ),
        requirements: repositoryPath
          .optional()
          .describe(
            "Lock file of the Python packages: `uv.lock`, `poetry.lock`, `pylock.toml`, or any file in pip's format with " +
              "versions and hashes, as `uv pip compile --generate-hashes` writes it.",
          ),
        groups: z
          .array(text.regex(/^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/, "a name of a dependency group"))
          .default([])
          .describe(
            "Dependency groups to install beside what the project needs: of `uv.lock`, `poetry.lock`, `pylock.toml`.",
          ),
        python: text
          .regex(/^3\.\d+(\.\d+)?$/, "a version of Python, such as 3.12")
          .optional()
          .describe("Version of Python in the base. Default what the base says, or the only one found in it."),
        prepare: z
          .array(text)
          .default([])
          .describe(
            "Commands run before the files are taken, in a copy of `files` at their places in the repository, with the packages " +
              "of the lock file; what they write is taken as well. Their results are keyed by their inputs, not by what they write.",
          ),
        files: z
          .array(
            z.strictObject({
              from: repositoryPath.describe("File or folder in the repository."),
              to: containerPath.describe("Where it stands in the image."),
            }),
          )
          .default([])
          .describe("The code layer."),
        workdir: containerPath
          .optional()
          .describe(
            "Working directory of the image, and the first place where Python looks for modules. Default `/app`, whatever the base has.",
          ),
        environment: z
          .record(text.regex(/^[A-Za-z_]\w*$/, "a name of a variable"), z.string())
          .default({})
          .describe(
            "Variables of every container of the image, and of `prepare`. Never secrets: an image is read by many.",
          ),
        user: text
          .regex(/^\d{1,10}(:\d{1,10})?$/, "a number, or two: 1000, 1000:1000")
          .optional()
          .describe("User that containers run as, by number, with a group or without. Default the base's."),
      })
      .optional()
      .describe("Made of a base, a layer of wheels and a layer of code, without Docker."),
    scan: z
      .enum(["off", "report", "gate"])
      .default("off")
      .describe(
        "What is done about vulnerabilities that ECR's scan finds in an image that is new: `report` says them; `gate` stops " +
          "before the commit names the image when one is critical or high, or when there is no result within ten minutes.",
      ),
  })
  .refine(({ build, layers }) => (build === undefined) !== (layers === undefined), {
    error: "needs one way of building: `build` or `layers`, and not both",
    params: { fix: "Keep `build` for a Dockerfile, or `layers` for Python code on a base image." },
  });

const runsSchema = z.discriminatedUnion("launcher", [
  z
    .strictObject({
      launcher: z
        .literal("ecs")
        .optional()
        .describe(
          "`ecs` (default): each run is a task of its own. `in-process`: runs live in the process that loads their code, so a " +
            "deploy waits for them.",
        ),
      image: keySchema
        .optional()
        .describe("Image of the runs. Default the image of the process that serves the location."),
      "task-definition": definitionSource
        .refine((from) => from !== "live", {
          error: "cannot be `live`: no service runs it",
          params: { fix: "Name a file, or a family: `family:name`." },
        })
        .optional()
        .describe(
          "Where the task definition comes from, when we do not make it: the path of a JSON or YAML file; `family:name` for " +
            "the newest of a family; `family:name:7` or an ARN for one revision. Only image, environment, secrets and tags " +
            "are then set in it.",
        ),
      container: serviceKeys.container.describe("Container that runs the job. Default `run`."),
      size: sizeSchema
        .optional()
        .describe("CPU and memory of a run, unless its tags say otherwise. Default 512 and 1024."),
      mounts: serviceKeys.mounts,
      sidecars: serviceKeys.sidecars,
      ...variables,
      tags: tagsSchema.describe("ECS tags of the runs' definitions, beside those at the top of the file."),
    })
    .superRefine(checkService),
  z.strictObject({
    launcher: z
      .literal("in-process")
      .describe("Runs live in the process that loads their code. For instances with Dagster's default run launcher."),
    "drain-minutes": z
      .int()
      .min(0)
      .max(720)
      .default(15)
      .describe(
        "How long a deploy waits for a moment without runs that it would end, before it fails and touches no service.",
      ),
  }),
]);

const statusSchema = z.enum(["RUNNING", "STOPPED"]);
const asBefore = z.literal("as-before");

const gateLevelSchema = z
  .strictObject({
    level: z
      .enum(["on", "warn", "off"])
      .describe("`on`: what fails takes the release back. `warn`: it is said. `off`: nobody asks."),
    reason: text.optional().describe("Why. Needed unless the level is `on`."),
  })
  .refine(({ level, reason }) => level === "on" || reason !== undefined, {
    error: "lowers a gate, and needs `reason`",
    params: { fix: "Say why: { level: warn, reason: … }." },
  });

const notScannedSchema = z.strictObject({
  level: z.literal("off").describe("Nobody looks."),
  reason: text.describe("Why."),
});

const gatesSchema = z.strictObject({
  reach: z
    .enum(["runner", "task"])
    .optional()
    .describe(
      "Who asks the webserver: the `runner` itself, or a one-off `task` inside the VPC. Default `runner` when it " +
        "has a `url`, else `task`.",
    ),
  canary: z
    .strictObject({
      location: locationSchema.describe("Location of the job or asset."),
      job: text.optional().describe("Job to run."),
      asset: text.optional().describe("Asset to materialise; parts of its key joined by `/`."),
      partition: text
        .optional()
        .describe("Partition to run: its name, or `latest`: the last one that is over, or that stands last in a list."),
      config: z
        .record(text, z.unknown())
        .optional()
        .describe("Run config. Default what the code has for the job or the partition."),
      logs: z.boolean().default(false).describe("The run's lines must be in CloudWatch."),
      "compute-logs": text
        .regex(/^s3:\/\/[a-z0-9.-]+\/([^/]+\/)*$/, "a place in S3 that ends in a slash: s3://bucket/prefix/")
        .optional()
        .describe("The run's compute logs must be below this place: `s3://bucket/prefix/`."),
    })
    .refine(({ job, asset }) => (job === undefined) !== (asset === undefined), {
      error: "needs one of `job` and `asset`, and not both",
      params: { fix: "Name a job that is quick and safe to run at each deploy, or an asset." },
    })
    .optional()
    .describe("A run that must succeed on the new digest before the release is committed."),
  expect: z
    .strictObject({
      schedules: z
        .union([asBefore, z.record(text, statusSchema)])
        .default("as-before")
        .describe(
          "State that each named schedule must have; all others, and with `as-before` all, are what they were before the release.",
        ),
      sensors: z
        .union([
          asBefore,
          z.record(
            text,
            z.union([
              statusSchema,
              z
                .strictObject({
                  status: statusSchema.describe("State it must have."),
                  tick: z
                    .literal("success")
                    .optional()
                    .describe("Its first tick after the deploy must succeed, or skip."),
                  "within-minutes": z
                    .int()
                    .min(1)
                    .max(60)
                    .optional()
                    .describe("Minutes that this tick may take to come. Default 10."),
                })
                .refine((state) => state["within-minutes"] === undefined || state.tick !== undefined, {
                  path: ["within-minutes"],
                  error: "is of a tick, and none is wanted",
                  params: { fix: "Add `tick: success`." },
                }),
            ]),
          ),
        ])
        .default("as-before")
        .describe(
          "State that each named sensor must have: a status, or `status` and `tick: success`, with `within-minutes` when it should not take ten; all others, and with `as-before` " +
            "all, are what they were before the release.",
        ),
      assets: z
        .record(locationSchema, z.array(text).min(1))
        .default({})
        .describe(
          "Assets that each named location must show in Dagster: their keys, parts joined by `/`. Those that are only observed " +
            "count, too.",
        ),
      restore: z
        .boolean()
        .default(false)
        .describe(
          "Gives schedules and sensors that are there, and are not as before, their status and cursor again. Otherwise what " +
            "somebody has changed meanwhile is said, and what was lost takes the release back.",
        ),
      "first-tick": z
        .enum(["off", "report", "require"])
        .default("off")
        .describe(
          "First tick after the deploy of schedules that are on: told, when one is due within a minute; or it must succeed, or skip, " +
            "when one is due within five minutes. What is due later is not waited for.",
        ),
      "target-health": z
        .boolean()
        .optional()
        .describe(
          "Every target of the services that moved, behind their load balancers, is healthy. Unless it is said: asked where there are " +
            "target groups and ECS rolls the service, and what may not be read is told. `true`: what may not be read stops the release, " +
            "and strategies that shift traffic in stages are asked, too. `false`: not asked.",
        ),
      "security-groups": z
        .boolean()
        .default(false)
        .describe(
          "Security groups let load balancers reach the webserver, webserver and daemon each code location, and every service " +
            "the contract's database, each on its port; and let nobody in from everywhere.",
        ),
    })
    .prefault({})
    .describe("What must hold after the deploy."),
  "log-scan": z
    .union([levelSchema, notScannedSchema])
    .default("warning")
    .describe(
      "Level of start-up errors found in the logs of daemon and code servers. An error takes the release back. " +
        "`{ level: off, reason: … }`: nobody looks, and the plan says why.",
    ),
  "every-webserver": z
    .boolean()
    .optional()
    .describe(
      "Ask each webserver task by itself as well, not only one of them through the load balancer, when it has moved. " +
        "Absent: where a task in the VPC asks (`reach: task`), and reaches any of them.",
    ),
  levels: z
    .strictObject({
      location: gateLevelSchema
        .optional()
        .describe("That the webserver has a code location loaded from its new image."),
      loaded: gateLevelSchema.optional().describe("The same of a location that the webserver loads itself."),
      version: gateLevelSchema
        .optional()
        .describe("That Dagster has loaded the version of a location's code that readers are to have."),
      daemon: gateLevelSchema.optional().describe("That a new daemon sends its heartbeats."),
      webserver: gateLevelSchema.optional().describe("That a new webserver answers."),
      "security-groups": gateLevelSchema
        .optional()
        .describe("That security groups let in who must be, and nobody else."),
      targets: gateLevelSchema.optional().describe("That targets behind load balancers are healthy."),
      state: gateLevelSchema.optional().describe("That schedules and sensors are as before."),
      expect: gateLevelSchema.optional().describe("That those which are named under `expect` are as it says."),
      canary: gateLevelSchema.optional().describe("That the canary succeeds."),
    })
    .prefault({})
    .describe("Gates that take no release back, or are not asked, each with its reason."),
  auth: gatesAuthSchema.optional().describe("How the gates log in. Default the webserver's `auth`."),
});

const checkSchema = z
  .strictObject({
    level: z
      .enum([...levelSchema.options, "off"])
      .describe("Level of what this check finds. Only an error stops a release; `off` does not tell it."),
    until: z.iso
      .date({ error: "a date: 2026-12-31" })
      .optional()
      .describe(
        "Last day (UTC) of the exception; after it the check's own level is back. Needed unless the level is `error`.",
      ),
    reason: text.optional().describe("Why. Needed unless the level is `error`."),
  })
  .refine(({ level, until, reason }) => level === "error" || (until !== undefined && reason !== undefined), {
    error: "lowers a check, and needs `until` and `reason`",
    params: { fix: "Say until which day, and why: { level: warning, until: 2026-12-31, reason: … }." },
  });

const instanceSchema = z.strictObject({
  "dagster-yaml": repositoryPath
    .optional()
    .describe(
      "Your own `dagster.yaml`, by its path in the repository. `files` must copy it, as `dagster.yaml`, into the images of " +
        "webserver and daemon and of migrations with the tool `dagster`; its folder there becomes `DAGSTER_HOME`. " +
        "Without it one is made, as a part of these images. Putting one into the image of a Dockerfile is not in this version.",
    ),
  workspace: z
    .union([z.literal("s3"), repositoryPath])
    .optional()
    .describe(
      "Your own workspace file, by its path in the repository. `files` must copy it into the images of webserver and " +
        "daemon, which are started with it. `s3`: the reader of `dags` writes it, where webserver and daemon load all locations " +
        "from there. Without it one is made that names each code server by its `address`. One for locations that webserver " +
        "and daemon load from their image is not in this version.",
    ),
  database: z
    .strictObject({
      host: variableName.default("DAGSTER_PG_HOST").describe("Variable that holds the host."),
      port: variableName.default("DAGSTER_PG_PORT").describe("Variable that holds the port."),
      name: variableName.default("DAGSTER_PG_DB").describe("Variable that holds the database's name."),
      user: variableName.default("DAGSTER_PG_USER").describe("Variable that holds the user."),
      password: variableName.default("DAGSTER_PG_PASSWORD").describe("Variable that holds the password."),
    })
    .prefault({})
    .describe("Names of the variables under which every service, run and migration gets the contract's database."),
  concurrency: z
    .strictObject({
      tag: text.describe("Key of the run tag."),
      limit: z.int().min(1).describe("Runs with that tag at one time."),
    })
    .optional()
    .describe("Limits the runs that carry a tag, whatever its value. Goes into the `dagster.yaml` that is made."),
});

const dagsSchema = z.strictObject({
  directory: repositoryPath.describe("Folder with the code, in this repository or in `source`."),
  module: text.describe("Python module that holds the definitions."),
  prefix: dagsPrefixSchema.optional().describe("Key prefix in the contract's bucket. Default `dags/<location>/`."),
  layout: z
    .enum(["versioned", "mirror", "both"])
    .default("versioned")
    .describe(
      "`versioned`: archives and one pointer, for the reader of this suite. `both`: plain files beside them, for readers that " +
        "exist, written once the version is loaded. `mirror`: only plain files are read; versions are kept to go back to.",
    ),
  "mirror-prefix": dagsPrefixSchema
    .optional()
    .describe("Key prefix of the plain files, with `layout: mirror` or `both`. Default that of the versions."),
  "poll-seconds": z.int().min(5).max(3600).default(60).describe("How often a reader looks for a new version."),
  fallback: z
    .enum(["none", "image"])
    .default("none")
    .describe(
      "`image`: the code in the image is enough while nothing was published. A release publishes a first version before " +
        "anything starts, so this changes nothing here; of a location with `source` it is not in this version.",
    ),
  source: z
    .strictObject({
      repository: text.regex(/^[\w.-]+\/[\w.-]+$/, "owner/name").describe("`owner/name`."),
      ref: text.describe("Branch that is released."),
    })
    .optional()
    .describe(
      "Repository that releases it by itself, with `actions/sync-dags`: a release of the stack leaves it alone. Default this one.",
    ),
});

const migrationSchema = z
  .strictObject({
    name: keySchema.describe("Its name in plans, records and summaries."),
    tool: z
      .enum(["dagster", "alembic", "command"])
      .describe(
        "`alembic`: `alembic upgrade head`, under a lock, unless the database is at head or ahead of the image. " +
          "`dagster`: `dagster instance migrate`. `command`: any `command`, of which only the exit code is known.",
      ),
    command: z.array(text).min(1).optional().describe("Program and arguments, with the tool `command`."),
    image: keySchema.describe("Image that runs it: a key of `images`."),
    workdir: containerPath.optional().describe("Where the tool is started. Default the image's working directory."),
    "lock-timeout": z
      .int()
      .min(1)
      .max(3600)
      .optional()
      .describe(
        "Seconds to wait for another migration of the same database and, with `alembic`, for each lock in it " +
          "(PostgreSQL's `lock_timeout`); then it fails, and the database keeps nothing of it. Default 60.",
      ),
    "statement-timeout": z
      .int()
      .min(1)
      .max(3600)
      .optional()
      .describe("Seconds that one statement of `alembic` may take (PostgreSQL's). Default as the database has it."),
    policy: z
      .enum(["expand-only", "allow-destructive"])
      .optional()
      .describe(
        "`expand-only` (default): a new revision of `alembic` that drops, renames, changes a type or adds a not-null column " +
          "without a default stops the release, since older code still runs, and is what a rollback goes back to; unless " +
          "its file says `# dagster-ecs: contract`. `allow-destructive`: none does.",
      ),
    preview: z
      .enum(["revisions", "sql"])
      .optional()
      .describe(
        "What a plan tells of the revisions of `alembic` that would be applied. `revisions` (default): their names and " +
          "docstrings, and nothing of them is run. `sql`: also the SQL that alembic renders for PostgreSQL, without a database " +
          "and without `env.py`. That runs the revisions' files where the plan is made: see migrations.md, The SQL of a plan.",
      ),
    "check-models": z
      .boolean()
      .optional()
      .describe(
        "`true` compares the models that `env.py` gives to `alembic` (1.9 or newer) with the schema once that is at head, as " +
          "`alembic check` does. What differs is the finding `models-differ`, a warning unless `checks` says otherwise. " +
          "Default `false`.",
      ),
    "like-service": keySchema
      .optional()
      .describe("Network, roles, environment and secrets as this service has them: a key of `services`."),
  })
  .superRefine(checkMigration);

const contractReferenceSchema = text
  .regex(
    /^(ssm:\/[\w./-]+|s3:\/\/[a-z0-9.-]+\/.+)$/,
    "the contract's address: s3://bucket/key, or ssm:/name for the parameter that holds it",
  )
  .describe(
    "`s3://bucket/key` of the JSON that the infrastructure wrote, or `ssm:/name` of the parameter that holds that " +
      "address.",
  );

/** Everything that an environment may say differently. */
const shared = {
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region: eu-west-1")
    .describe("AWS region of the stack."),
  contract: z
    .union([contractReferenceSchema, contractSchema])
    .describe("What the infrastructure offers: where it is written, or the values themselves."),
  images: z.record(keySchema, imageSchema).default({}).describe("Images of the stack, by a key of your choice."),
  services: z
    .record(keySchema, serviceSchema)
    .default({})
    .describe("Processes that run all the time, by a key of your choice."),
  runs: runsSchema.prefault({}).describe("How Dagster's runs are started."),
  migrations: z
    .array(migrationSchema)
    .default([])
    .describe("Changes of database schemas, in this order, before any service moves."),
  dags: z
    .record(locationSchema, dagsSchema)
    .default({})
    .describe("Locations whose code comes from S3 instead of the image, by their name."),
  instance: instanceSchema.prefault({}).describe("Dagster's instance."),
  volumes: z
    .record(keySchema, z.strictObject({ efs: text.describe("Id of the EFS file system.") }))
    .default({})
    .describe("File systems that tasks can mount, by a key of your choice."),
  ...variables,
  tags: tagsSchema.describe("ECS tags of everything that is registered or started."),
  "show-variables": z
    .array(variableName)
    .default([])
    .describe("Variables in plain text whose values a plan may show. Of all others it says only that they differ."),
  placeholders: z
    .record(keySchema, z.string())
    .default({})
    .describe(
      "What `$name` and `${name}` stand for in definition files and the environment file; nothing else in them is touched.",
    ),
  "environment-file": z
    .strictObject({
      path: repositoryPath.describe("JSON or YAML with `environment` and `secrets` as in a container definition."),
      mode: z
        .enum(["merge", "replace"])
        .default("merge")
        .describe(
          "`merge`: by name, over what the definition says. `replace`: instead of it, of each of the two lists that the file has.",
        ),
    })
    .optional()
    .describe(
      "Variables for every container that Dagster runs in, in a file of your own. Those of the stack file win over it.",
    ),
  gates: gatesSchema.prefault({}).describe("What is asked of the real thing before a release is committed."),
  checks: z
    .record(keySchema, checkSchema)
    .default({})
    .describe("Levels of findings, by the check's id. An exception has an end and a reason."),
};

const name = keySchema.describe("Name of the stack. Services, families and records are called after it.");

/** One environment of the stack: the top of the file with that environment's values laid over it. */
export const documentSchema = z.strictObject({ name, ...shared }).superRefine(checkVariables);
export type StackDocument = z.output<typeof documentSchema>;

export const environmentsSchema = z
  .record(keySchema, z.record(z.string(), z.unknown()))
  .default({})
  .describe(
    "What is different elsewhere, by the environment's name; the top of the file is `production`. Mappings merge; " +
      "lists and single values replace; `contract` and an image's way of building replace whole.",
  );

/** The whole file. What an environment says is judged once it is laid over the top: alone it is only a part. */
export const fileSchema = z
  .strictObject({ name, ...shared, environments: environmentsSchema })
  .describe("A Dagster deployment on Amazon ECS: images, services, runs, migrations, DAGs and gates.");

/** Keys of the top level that an environment cannot change. */
export const fixedKeys: readonly string[] = ["name", "environments"];

type Variables = z.output<z.ZodObject<typeof variables>>;

interface Process extends Variables {
  readonly locations?: readonly string[];
  readonly "moves-with"?: "image" | "dagster" | undefined;
  readonly "task-definition"?: string | undefined;
}

/** Keys that mean nothing to a tool are no keys of it. */
const keysOfTools: Readonly<Record<string, readonly string[]>> = {
  command: ["command"],
  "lock-timeout": ["alembic", "dagster"],
  "statement-timeout": ["alembic"],
  policy: ["alembic"],
  preview: ["alembic"],
  "check-models": ["alembic"],
};

function checkMigration(
  migration: { readonly tool: string; readonly command?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  const { tool } = migration;
  const mistake = (key: string, message: string, fix: string): void =>
    context.addIssue({ code: "custom", path: [key], message, params: { fix } });
  for (const [key, tools] of Object.entries(keysOfTools)) {
    if (!(key in migration) || tools.includes(tool)) continue;
    const others = tools.map((other) => `\`${other}\``).join(" or ");
    mistake(key, `has no effect with the tool \`${tool}\``, `Remove it, or use the tool ${others}.`);
  }
  if (tool === "command" && migration.command === undefined)
    mistake(
      "tool",
      "`command` needs a `command`",
      "Add the program and its arguments: `command: [python, -m, app.migrate]`.",
    );
}

function checkService(service: Process, context: z.RefinementCtx): void {
  checkVariables(service, context);
  if (service["moves-with"] === "dagster" && (service.locations?.length ?? 0) > 0) {
    context.addIssue({
      code: "custom",
      path: ["moves-with"],
      message: "cannot be `dagster` for a process that loads locations itself: it would keep serving their old code",
      params: { fix: "Remove `moves-with`, or give the locations a code server of their own." },
    });
  }
  if (service["task-definition"] === undefined) return;
  for (const key of ownDefinitionDecides) {
    if (!(key in service)) continue;
    context.addIssue({
      code: "custom",
      path: [key],
      message: "has no effect beside `task-definition`: the definition decides it",
      params: { fix: `Remove \`${key}\` here, and set it in the definition; or remove \`task-definition\`.` },
    });
  }
}

/**
 * RegisterTaskDefinition refuses a name that is both plain and secret ("secret name must be unique",
 * dagster-io/dagster#11622).
 */
function checkVariables(holder: Variables, context: z.RefinementCtx): void {
  const plain = new Set(Object.keys(holder.environment));
  const twice = (name: string, path: readonly (string | number)[]): void => {
    if (!plain.has(name)) return;
    context.addIssue({
      code: "custom",
      path: [...path],
      message: `is a secret here and plain text in \`environment\`: ${name}`,
      params: { fix: "Keep one of the two." },
    });
  };
  for (const name of Object.keys(holder.secrets)) twice(name, ["secrets", name]);
  for (const [index, from] of holder["secrets-from"].entries()) {
    if (typeof from === "string") continue;
    for (const [key, name] of from.keys.entries()) twice(name, ["secrets-from", index, "keys", key]);
  }
}
