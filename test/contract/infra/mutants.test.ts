import { copyInfrastructure } from "../../infra/tofu.ts";

// Each setting that keeps somebody from harm is set wrong once; a test of its module must notice. What is said in a comment or a page
// about a setting is worth as much as the line here that flips it.

const infrastructure = await copyInfrastructure();

afterAll(() => infrastructure.remove());

/** Module, what is wrong, the text as it stands, and as it must not. */
const mutants: readonly (readonly [module: string, harm: string, from: string, to: string])[] = [
  [
    "contract",
    "a deploy role can write its own contract",
    '"contracts/${var.name}.json"',
    '"${var.name}/contract.json"',
  ],
  [
    "contract",
    "absent keys are null",
    "} : key => value if value != null\n  }\n}\n\n# Outside",
    "} : key => value\n  }\n}\n\n# Outside",
  ],
  ["contract", "a plain password is taken", "|secret:[0-9A-Za-z_/+=.@-]+(#[0-9A-Za-z_.-]+)?)$", "|.+)$"],

  [
    "service",
    "two daemons overlap",
    "daemon        = { minimum = 0, maximum = 100 }",
    "daemon        = { minimum = 100, maximum = 200 }",
  ],
  [
    "service",
    "a bad webserver takes down the good one",
    "webserver     = { minimum = 100, maximum = 200 }",
    "webserver     = { minimum = 0, maximum = 100 }",
  ],
  [
    "service",
    "a bad code location takes down the good one",
    "code-location = { minimum = 100, maximum = 200 }",
    "code-location = { minimum = 0, maximum = 100 }",
  ],
  ["service", "what does not start is left", "rollback = true", "rollback = false"],
  ["service", "what does not start is started for ever", "enable   = true", "enable   = false"],
  ["service", "tasks start before there is an image", "desired_count   = 0", "desired_count   = 1"],
  ["service", "a plan deregisters revisions", "skip_destroy             = true", "skip_destroy             = false"],
  ["service", "every task has a public address", "assign_public_ip = var.public_address", "assign_public_ip = true"],
  [
    "service",
    "every task has a shell",
    "enable_execute_command             = false",
    "enable_execute_command             = true",
  ],
  ["service", "a daemon is rebalanced", '"daemon" ? "DISABLED" : "ENABLED"', '"daemon" ? "ENABLED" : "ENABLED"'],
  ["service", "a daemon is scaled", 'service.scaling == null || service.kind == "webserver"', "true"],
  ["service", "names outlive their tasks", "ttl  = 10", "ttl  = 300"],
  ["service", "logs grow for ever", "retention_in_days = each.value.log_retention_days", "retention_in_days = 0"],
  [
    "service",
    "the family is not the one released",
    'family                   = "${var.name}-${each.key}"',
    'family                   = "${var.name}_${each.key}"',
  ],

  [
    "cluster",
    "tasks are reached from everywhere",
    'description                  = "Dagster, asked by other tasks of the stack"\n  ip_protocol                  = "tcp"',
    'description                  = "Dagster, asked by other tasks of the stack"\n  cidr_ipv4                    = "0.0.0.0/0"\n  ip_protocol                  = "tcp"',
  ],
  [
    "cluster",
    "tasks reach everything",
    '  ip_protocol       = "tcp"\n  from_port         = tonumber(each.key)',
    '  ip_protocol       = "-1"\n  from_port         = tonumber(each.key)',
  ],
  ["cluster", "logs of runs grow for ever", "retention_in_days = var.log_retention_days", "retention_in_days = 0"],

  ["storage", "the bucket can be made public", "restrict_public_buckets = true", "restrict_public_buckets = false"],
  ["storage", "access lists are taken", "BucketOwnerEnforced", "ObjectWriter"],
  ["storage", "plain HTTP is taken", '"aws:SecureTransport" = "false"', '"aws:SecureTransport" = "true"'],
  [
    "storage",
    "what is overwritten is lost",
    'versioning_configuration {\n    status = "Enabled"',
    'versioning_configuration {\n    status = "Suspended"',
  ],
  ["storage", "a bucket goes with all that is in it", "force_destroy = false", "force_destroy = true"],
  ["storage", "the journal expires", 'prefix = "compute-logs/"', 'prefix = ""'],
  ["storage", "files are not encrypted", "encrypted      = true", "encrypted      = false"],
  [
    "storage",
    "files are not backed up",
    'backup_policy {\n    status = "ENABLED"',
    'backup_policy {\n    status = "DISABLED"',
  ],

  ["registry", "tags move", '"IMMUTABLE" : "IMMUTABLE_WITH_EXCLUSION"', '"MUTABLE" : "IMMUTABLE_WITH_EXCLUSION"'],
  ["registry", "a rollback finds no image", 'tagStatus = "untagged"', 'tagStatus = "any"'],
  ["registry", "nobody looks into images", "scan_on_push = true", "scan_on_push = false"],

  [
    "identity",
    "another account's tasks take the role",
    'StringEquals = { "aws:SourceAccount" = local.account }',
    "StringEquals = {}",
  ],
  [
    "identity",
    "the daemon passes any role",
    'Resource  = [for kind in concat(keys(local.data_of_runs), ["execution"]) : aws_iam_role.this[kind].arn]',
    'Resource  = ["*"]',
  ],
  [
    "identity",
    "roles are passed to any service",
    '"iam:PassedToService" = "ecs-tasks.amazonaws.com"',
    '"iam:PassedToService" = "ec2.amazonaws.com"',
  ],
  [
    "identity",
    "the daemon runs anything",
    "task-definition/${coalesce(var.stack, var.name)}-run-*:*",
    "task-definition/*:*",
  ],
  [
    "identity",
    "runs write the journal",
    'Resource = [for prefix in prefixes : "${local.bucket}/${prefix}*"]',
    'Resource = ["${local.bucket}/*"]',
  ],
  [
    "identity",
    "a location reaches the data of all",
    '"run-${location}" => prefixes }',
    '"run-${location}" => setunion(prefixes, var.data_prefixes) }',
  ],
  [
    "identity",
    "all reach the data of a location",
    "!startswith(prefix, other) && !startswith(other, prefix)",
    'prefix != "" && !startswith(other, prefix)',
  ],
  ["identity", "every task reaches the data of runs", "statement if var.in_process", 'statement if var.name != ""'],
  ["identity", "every secret is readable", "secret:${secret}-??????", "secret:*"],

  [
    "deploy-role",
    "any audience is taken",
    '"token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"',
    '"token.actions.githubusercontent.com:aud" = ["sts.amazonaws.com", "https://github.com/example"]',
  ],
  [
    "deploy-role",
    "patterns are trusted",
    'StringEquals = {\n          "token.actions',
    'StringLike = {\n          "token.actions',
  ],
  [
    "deploy-role",
    "names are trusted although ids were asked for",
    "var.trust.names ? [var.trust.repository] : []",
    "[var.trust.repository]",
  ],
  ["deploy-role", "any workflow is trusted", '":job_workflow_ref:${workflow}"', '""'],
  [
    "deploy-role",
    "every job of a repository is trusted",
    "length(var.trust.environments) + length(var.trust.branches) > 0 || var.trust.pull_requests",
    'var.trust.repository != ""',
  ],
  ["deploy-role", "every environment is trusted", "[^*?:]+$", ".+$"],
  [
    "deploy-role",
    "any role is passed",
    "roles = { resources = tolist(var.task_roles), condition",
    'roles = { resources = ["*"], condition',
  ],
  [
    "deploy-role",
    "any role is read",
    "roles-read = { resources = tolist(var.task_roles), condition",
    'roles-read = { resources = ["*"], condition',
  ],
  [
    "deploy-role",
    "roles are passed to any service",
    '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }',
    "{}",
  ],
  [
    "deploy-role",
    "tasks of every cluster are listed",
    'tasks-listed = { resources = ["*"], condition = local.in_cluster }',
    'tasks-listed = { resources = ["*"], condition = {} }',
  ],
  ["deploy-role", "records of other stacks are written", "${var.bucket.prefix}${var.stack}/*", "${var.bucket.prefix}*"],
  [
    "deploy-role",
    "one-off tasks are entered",
    'Bool = { "ecs:enable-execute-command" = "false" }',
    'Bool = { "ecs:enable-execute-command" = "true" }',
  ],
  ["deploy-role", "every release scans", "scan = var.scan", "scan = true"],
  ["deploy-role", "every release makes repositories", "create = var.create_repositories", "create = true"],
  ["deploy-role", "who only rolls starts tasks", "reach-task = var.asked_by_task", "reach-task = true"],
  ["deploy-role", "everybody verifies", "verify = var.verify", "verify = true"],
  ["deploy-role", "every release cleans up", "keep-revisions = var.keep_revisions", "keep-revisions = true"],
  [
    "deploy-role",
    "tasks of any family are started",
    'task-definition/${var.stack}-once-*:*"]',
    'task-definition/*:*"]',
  ],
  [
    "deploy-role",
    "a publisher writes over others' code",
    'for prefix in var.prefixes : "${local.s3}${var.bucket.name}/${prefix}*"',
    'for prefix in var.prefixes : "${local.s3}${var.bucket.name}/*"',
  ],
  [
    "deploy-role",
    "a session lasts for half a day",
    "max_session_duration = var.session_hours * 3600",
    "max_session_duration = 43200",
  ],

  [
    "network",
    "machines get public addresses by themselves",
    'cidr_block              = each.value\n  map_public_ip_on_launch = false\n  tags                    = { Name = "${var.name}-private-',
    'cidr_block              = each.value\n  map_public_ip_on_launch = true\n  tags                    = { Name = "${var.name}-private-',
  ],
  ["network", "tasks stand in public subnets", 'var.nat == "none" ? [for subnet', 'var.nat != "none" ? [for subnet'],
  [
    "network",
    "private subnets are none",
    "nat_gateway_id         = aws_nat_gateway.this[var.nat",
    "gateway_id = aws_internet_gateway.this.id\n  nat_gateway_id         = aws_nat_gateway.this[var.nat",
  ],
  ["network", "zones share a gateway", 'var.nat == "one" ? local.zones[0] : each.key', "local.zones[0]"],

  ["database", "the database is public", "publicly_accessible    = false", "publicly_accessible    = true"],
  ["database", "the database is not encrypted", "storage_encrypted     = true", "storage_encrypted     = false"],
  [
    "database",
    "plain text is taken",
    'name  = "rds.force_ssl"\n    value = "1"',
    'name  = "rds.force_ssl"\n    value = "0"',
  ],
  ["database", "no last snapshot", "skip_final_snapshot = false", "skip_final_snapshot = true"],
  ["database", "backups go with the instance", "delete_automated_backups = false", "delete_automated_backups = true"],
  [
    "database",
    "everybody in the VPC connects",
    "  security_group_id            = aws_security_group.this.id\n  referenced_security_group_id = each.value\n",
    '  security_group_id            = aws_security_group.this.id\n  cidr_ipv4                    = "10.0.0.0/8"\n',
  ],
  [
    "database",
    "a stack that was taken down cannot be made again",
    '-last-${trimprefix(aws_security_group.this.id, "sg-")}"',
    '-last"',
  ],
  [
    "database",
    "the password stands in the state",
    "  secret_string_wo = jsonencode({",
    "  secret_string = jsonencode({\n    username = var.username\n  })\n  secret_string_wo = jsonencode({",
  ],
  [
    "database",
    "secret and instance drift apart",
    "password_wo_version  = var.password_version",
    "password_wo_version  = 1",
  ],

  [
    "ingress",
    "an open door is taken",
    "!var.public || var.accept_public_without_authentication",
    "true || var.accept_public_without_authentication",
  ],
  [
    "ingress",
    "a password travels in plain text",
    "var.certificate_arn != null || var.accept_plain_http",
    "true || var.accept_plain_http",
  ],
  ["ingress", "old TLS is spoken", "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"],
  ["ingress", "every host is answered", 'status_code  = "404"', 'status_code  = "200"'],
  [
    "ingress",
    "strangers are let through",
    'on_unauthenticated_request = "authenticate"',
    'on_unauthenticated_request = "allow"',
  ],
  ["ingress", "a page that always answers is health", 'var.target.health_path != "/"', 'var.target.health_path != ""'],
  ["ingress", "no task is ever healthy", 'var.authentication == "basic" ? "/health"', 'false ? "/health"'],
  [
    "ingress",
    "tasks are reached past the load balancer",
    "  security_group_id            = var.task_group\n  referenced_security_group_id = aws_security_group.this.id\n",
    '  security_group_id            = var.task_group\n  cidr_ipv4                    = "0.0.0.0/0"\n',
  ],
  [
    "ingress",
    "the internal one is public",
    "internal                   = !var.public",
    "internal                   = false",
  ],
  ["ingress", "bad headers reach Dagster", "drop_invalid_header_fields = true", "drop_invalid_header_fields = false"],

  [
    "alarms",
    "a daemon that is gone is not missed",
    'seconds    = 60\n      missing    = "breaching"',
    'seconds    = 60\n      missing    = "missing"',
  ],
  ["alarms", "a release alarms", "periods    = 10", "periods    = 1"],
  [
    "alarms",
    "no target is health",
    'seconds     = 60\n      missing     = "breaching"',
    'seconds     = 60\n      missing     = "notBreaching"',
  ],
  ["alarms", "no error is an error", 'missing     = "notBreaching"', 'missing     = "breaching"'],
  ["alarms", "the database is full first", "* 1024 * 1024 * 1024 / 5", "* 1000 / 5"],
  ["alarms", "the end of an alarm is not heard", "ok_actions          = var.notify", "ok_actions          = []"],
  ["alarms", "nobody hears of it", "length(var.notify) > 0", "length(var.notify) >= 0"],

  ["cost", "the bill has holes that nobody sees", "if usd == null]", "if usd == -1]"],
  ["cost", "a second instance is free", "var.database.multi_az ? 2 : 1", "1"],
  ["cost", "addresses are free", "local.addresses == 0 ? {} :", "true ? {} :"],

  ["platform", "a pull request releases", 'plan   = ["plan", "status"]', 'plan   = ["plan", "status", "deploy"]'],
  [
    "platform",
    "a release of an environment registers nothing",
    "stack      = coalesce(var.stack, var.name)",
    "stack      = var.name",
  ],
  [
    "platform",
    "every task reaches the webserver",
    "local.asked_by_task ? [local.ports[local.webserver]]",
    "local.webserver != null ? [local.ports[local.webserver]]",
  ],
  ["platform", "the contract leads nowhere", "url = key == local.webserver ?", "url = key != local.webserver ?"],
];

test.each(mutants)("%s: %s", async (module, _harm, from, to) => {
  const part = module === "platform" ? "stacks/platform" : `modules/${module}`;
  const filter = module === "platform" ? ["-filter=tests/reached.tftest.hcl"] : []; // a stack's other tests take long
  const files = ["main.tf", "variables.tf", "outputs.tf"].map((file) => `${part}/${file}`);
  const texts = await Promise.all(files.map((file) => infrastructure.read(file)));
  const [found] = files.flatMap((path, index) => {
    const text = aligned(from).exec(texts[index] ?? "")?.[0];
    return text === undefined ? [] : [{ path, text }];
  });
  if (found === undefined) throw new Error(`${part} says nowhere: ${from}`);
  const undo = await infrastructure.replace(found.path, found.text, to);
  const { exitCode, stdout, stderr } = await infrastructure.tofu(part, "test", "-no-color", ...filter);
  await undo();
  expect({ exitCode, told: stdout }).toMatchObject({ exitCode: 1 });
  // By an assertion, and not because the module means nothing any more.
  expect(stdout + stderr).toMatch(/Test assertion failed|Missing expected failure/);
});

test("a mutant that changes nothing survives", async () => {
  expect(await infrastructure.tofu("modules/registry", "test", "-no-color")).toMatchObject({ exitCode: 0 });
});

/** A setting, however many blanks the formatter has put before its equals sign. */
function aligned(text: string): RegExp {
  return new RegExp(RegExp.escape(text).replaceAll("\\x20\\x3d", " *\\x3d"));
}
