data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  partition = data.aws_partition.this.partition
  here      = "${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}"
  ecs       = "arn:${local.partition}:ecs:${local.here}"
  s3        = "arn:${local.partition}:s3:::"
  records   = "${local.s3}${var.bucket.name}/${var.bucket.prefix}${var.stack}/*"
  # The list of locations that webserver and daemon load; its name ends in that of the environment.
  dags_lists = length(var.dags) > 0 ? ["${local.s3}${var.bucket.name}/dags/.stacks/${var.stack}/*.json"] : []
  families   = concat(["${local.ecs}:task-definition/${var.stack}-*:*"], [for family in var.families : "${local.ecs}:task-definition/${family}:*"])
  in_cluster = { ArnEquals = { "ecs:cluster" = "${local.ecs}:cluster/${var.cluster}" } }
  # Whoever could have a shell in such a task would have its role and its secrets.
  not_entered = merge(local.in_cluster, { Bool = { "ecs:enable-execute-command" = "false" } })

  # What docs/permissions.md calls "On", as resources and conditions. A condition that AWS never fills in would deny everything, so
  # each key here is one that AWS's service authorization reference lists for every action of its group.
  on = {
    all                = { resources = ["*"], condition = {} }
    contract-parameter = { resources = ["arn:${local.partition}:ssm:${local.here}:parameter${var.contract.parameter}"], condition = {} }
    contract-object    = { resources = ["${local.s3}${var.contract.bucket}/${var.contract.key}"], condition = {} }
    records            = { resources = [local.records], condition = {} }
    bucket             = { resources = distinct(["${local.s3}${var.bucket.name}", "${local.s3}${var.contract.bucket}"]), condition = {} }
    dags               = { resources = concat([for prefix in var.dags : "${local.s3}${var.bucket.name}/${prefix}*"], local.dags_lists), condition = {} }
    dags-plain         = { resources = [for prefix in var.plain_dags : "${local.s3}${var.bucket.name}/${prefix}*"], condition = {} }
    dags-written       = { resources = concat([for prefix in setsubtract(var.dags, var.dags_of_others) : "${local.s3}${var.bucket.name}/${prefix}*"], local.dags_lists), condition = {} }
    published          = { resources = [for prefix in var.prefixes : "${local.s3}${var.bucket.name}/${prefix}*"], condition = {} }
    published-listed = {
      resources = ["${local.s3}${var.bucket.name}"], condition = { StringLike = { "s3:prefix" = [for prefix in var.prefixes : "${prefix}*"] } }
    }
    repositories = { resources = [for name in var.repositories : "arn:${local.partition}:ecr:${local.here}:repository/${name}"], condition = {} }
    services     = { resources = [for name in var.services : "${local.ecs}:service/${var.cluster}/${name}"], condition = local.in_cluster }
    service-deployments = {
      resources = [for name in var.services : "${local.ecs}:service-deployment/${var.cluster}/${name}/*"], condition = local.in_cluster
    }
    service-revisions = {
      resources = [for name in var.services : "${local.ecs}:service-revision/${var.cluster}/${name}/*"], condition = local.in_cluster
    }
    families = { resources = local.families, condition = {} }
    families-tagged = {
      resources = local.families, condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
    }
    tasks-tagged = {
      resources = ["${local.ecs}:task/${var.cluster}/*"], condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
    }
    once-families = {
      resources = ["${local.ecs}:task-definition/${var.stack}-once-*:*"]
      condition = local.not_entered
    }
    tasks               = { resources = ["${local.ecs}:task/${var.cluster}/*"], condition = local.in_cluster }
    tasks-listed        = { resources = ["*"], condition = local.in_cluster }
    roles               = { resources = tolist(var.task_roles), condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } }
    roles-read          = { resources = tolist(var.task_roles), condition = {} }
    services-of-cluster = { resources = ["${local.ecs}:service/${var.cluster}/*"], condition = local.in_cluster }
    secrets-described   = { resources = ["arn:${local.partition}:secretsmanager:${local.here}:secret:*"], condition = {} }
    # What is imported is named when somebody imports it.
    secrets-imported    = { resources = ["arn:${local.partition}:secretsmanager:${local.here}:secret:*"], condition = {} }
    parameters-imported = { resources = ["arn:${local.partition}:ssm:${local.here}:parameter/*"], condition = {} }
    log-groups = {
      resources = [for group in var.log_groups : "arn:${local.partition}:logs:${local.here}:log-group:${group}:*"], condition = {}
    }
    log-streams = {
      resources = [for group in var.log_groups : "arn:${local.partition}:logs:${local.here}:log-group:${group}:log-stream:*"], condition = {}
    }
  }

  # What a stack file may ask for, and most do not.
  asked = {
    always         = true
    scan           = var.scan
    create         = var.create_repositories
    reach-task     = var.asked_by_task
    verify         = var.verify
    keep-revisions = var.keep_revisions
    dags           = length(var.dags) > 0
  }

  # The very list that docs/permissions.md is made of, which a test compares with the calls of the actions.
  permissions = [
    for permission in jsondecode(file("${path.module}/permissions.json")).permissions : permission
    if length(setintersection(permission.columns, var.commands)) > 0 && local.asked[lookup(permission, "with", "always")]
  ]

  # One statement for each kind of resource.
  kinds = [
    for kind in distinct(flatten([for permission in local.permissions : permission.on])) : kind
    if length(local.on[kind].resources) > 0 || !contains(["dags-written", "dags-plain"], kind)
  ]
  statements = [
    for kind in local.kinds : merge(
      {
        Sid      = join("", [for word in split("-", kind) : title(word)])
        Effect   = "Allow"
        Action   = distinct([for permission in local.permissions : permission.action if contains(permission.on, kind)])
        Resource = local.on[kind].resources
      },
      { for key, condition in { Condition = local.on[kind].condition } : key => condition if length(condition) > 0 },
    )
  ]

  # GitHub writes a subject with names, or, for repositories made since July 2026 and others that ask for it, with names and ids.
  repository = split("/", var.trust.repository)
  forms = concat(
    var.trust.owner_id == null ? [] : ["${local.repository[0]}@${var.trust.owner_id}/${local.repository[1]}@${var.trust.repository_id}"],
    var.trust.names ? [var.trust.repository] : [],
  )
  contexts = concat(
    [for environment in var.trust.environments : "environment:${environment}"],
    [for branch in var.trust.branches : "ref:refs/heads/${branch}"],
    var.trust.pull_requests ? ["pull_request"] : [],
  )
  endings  = length(var.trust.workflows) == 0 ? [""] : [for workflow in var.trust.workflows : ":job_workflow_ref:${workflow}"]
  subjects = [for parts in setproduct(local.forms, local.contexts, local.endings) : "repo:${parts[0]}:${parts[1]}${parts[2]}"]
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "${join(", ", sort(tolist(var.commands)))} of the Dagster stack ${var.stack}, from GitHub"
  max_session_duration = var.session_hours * 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = var.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = local.subjects
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "dagster-ecs"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
