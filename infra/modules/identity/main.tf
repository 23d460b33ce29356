data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  account    = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.region
  partition  = data.aws_partition.this.partition
  here       = "${local.region}:${local.account}"
  ecs        = "arn:${local.partition}:ecs:${local.here}"
  bucket     = "arn:${local.partition}:s3:::${var.bucket}"
  cluster    = "${local.ecs}:cluster/${var.cluster}"
  tasks      = "${local.ecs}:task/${var.cluster}/*"
  in_cluster = { ArnEquals = { "ecs:cluster" = local.cluster } }

  # A location with data of its own has a role of its own for its runs.
  data_of_runs = merge({ run = var.data_prefixes }, { for location, prefixes in var.locations : "run-${location}" => prefixes })
  kinds        = setunion(["execution", "webserver", "daemon", "code-location"], keys(local.data_of_runs))
  names        = { for kind in local.kinds : kind => "${var.name}-${kind}" }

  # Tasks of this account only: another account's could be told to use the role otherwise.
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.ecs}:*" }
      }
    }]
  })

  read_bundles = [
    for statement in [
      { Sid = "ReadBundles", Effect = "Allow", Action = ["s3:GetObject"], Resource = [for prefix in var.read_prefixes : "${local.bucket}/${prefix}*"] },
      {
        Sid       = "FindBundles", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.bucket],
        Condition = { StringLike = { "s3:prefix" = [for prefix in var.read_prefixes : "${prefix}*"] } }
      },
    ] : statement if length(var.read_prefixes) > 0
  ]

  # Code writes them wherever it is carried out: runs, but also sensors in a code location, and backfills in the daemon.
  compute_logs = [
    { Sid = "ComputeLogs", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], Resource = ["${local.bucket}/compute-logs/*"] },
    {
      Sid       = "FindComputeLogs", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.bucket],
      Condition = { StringLike = { "s3:prefix" = ["compute-logs/*"] } }
    },
  ]

  data = {
    for kind, prefixes in local.data_of_runs : kind => [
      {
        Sid      = "Data", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        Resource = [for prefix in prefixes : "${local.bucket}/${prefix}*"]
      },
      {
        Sid       = "FindData", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.bucket],
        Condition = { StringLike = { "s3:prefix" = [for prefix in prefixes : "${prefix}*"] } }
      },
    ]
  }
  data_of_hosts = [for statement in local.data["run"] : statement if var.in_process]

  mount = var.file_system == null ? [] : [{
    Sid      = "Mount", Effect = "Allow", Action = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
    Resource = ["arn:${local.partition}:elasticfilesystem:${local.here}:file-system/${var.file_system}"]
  }]

  of_runs = { for kind in keys(local.data_of_runs) : kind => concat(local.compute_logs, local.data[kind], local.read_bundles, local.mount) }

  statements = merge(local.of_runs, {
    execution = concat(
      [
        { Sid = "Login", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
        {
          Sid      = "Pull", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          Resource = [for repository in var.repositories : "arn:${local.partition}:ecr:${local.here}:repository/${repository}"]
        },
        {
          Sid      = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"],
          Resource = [for group in var.log_groups : "arn:${local.partition}:logs:${local.here}:log-group:${group}:*"]
        },
      ],
      length(var.parameters) == 0 ? [] : [{
        Sid      = "Parameters", Effect = "Allow", Action = ["ssm:GetParameters"],
        Resource = [for parameter in var.parameters : "arn:${local.partition}:ssm:${local.here}:parameter${parameter}"]
      }],
      # AWS appends a hyphen and six characters to a secret's name.
      length(var.secrets) == 0 ? [] : [{
        Sid      = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"],
        Resource = [for secret in var.secrets : "arn:${local.partition}:secretsmanager:${local.here}:secret:${secret}-??????"]
      }],
      length(var.keys) == 0 ? [] : [{ Sid = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt"], Resource = tolist(var.keys) }],
    )

    # Terminates runs, and asks whether it can.
    webserver = concat(
      [{ Sid = "EndRuns", Effect = "Allow", Action = ["ecs:DescribeTasks", "ecs:StopTask"], Resource = [local.tasks], Condition = local.in_cluster }],
      local.compute_logs,
      local.read_bundles,
      local.data_of_hosts,
      local.mount,
    )

    # Starts runs, watches them, ends them. It registers nothing: a run's definition is registered by the release.
    daemon = concat(
      [
        {
          Sid       = "StartRuns", Effect = "Allow", Action = ["ecs:RunTask"], Resource = ["${local.ecs}:task-definition/${coalesce(var.stack, var.name)}-run-*:*"],
          Condition = local.in_cluster
        },
        { Sid = "WatchRuns", Effect = "Allow", Action = ["ecs:DescribeTasks", "ecs:StopTask"], Resource = [local.tasks], Condition = local.in_cluster },
        { Sid = "TagRuns", Effect = "Allow", Action = ["ecs:TagResource"], Resource = [local.tasks], Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } } },
        {
          Sid       = "PassRunRoles", Effect = "Allow", Action = ["iam:PassRole"],
          Resource  = [for kind in concat(keys(local.data_of_runs), ["execution"]) : aws_iam_role.this[kind].arn],
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        },
        # Neither of these two knows resources.
        { Sid = "FindOwnNetwork", Effect = "Allow", Action = ["ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces"], Resource = ["*"] },
        { Sid = "LastLinesOfRuns", Effect = "Allow", Action = ["logs:GetLogEvents"], Resource = ["arn:${local.partition}:logs:${local.here}:log-group:${var.run_log_group}:log-stream:*"] },
      ],
      local.compute_logs,
      local.read_bundles,
      local.data_of_hosts,
      local.mount,
    )

    code-location = concat(local.compute_logs, local.read_bundles, local.mount)
  })
}

resource "aws_iam_role" "this" {
  for_each           = local.kinds
  name               = local.names[each.key]
  description        = "${each.key} of the Dagster stack ${var.name}"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "this" {
  for_each = local.kinds
  name     = "dagster"
  role     = aws_iam_role.this[each.key].name
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })
}
