provider "aws" {
  region = "eu-west-1"
}

variables {
  name         = "shop-github-deploy"
  stack        = "shop"
  commands     = ["deploy", "rollback", "status", "unlock"]
  trust        = { repository = "example/shop", owner_id = 1234, repository_id = 5678, environments = ["production"] }
  provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  contract     = { parameter = "/dagster/shop/contract", bucket = "shop-dagster", key = "contracts/shop.json" }
  bucket       = { name = "shop-dagster", prefix = "deploys/" }
  cluster      = "shop"
  services     = ["shop-code", "shop-daemon", "shop-webserver"]
  repositories = ["shop/host", "shop/code"]
  task_roles   = ["arn:aws:iam::111122223333:role/shop-run", "arn:aws:iam::111122223333:role/shop-execution"]
  log_groups   = ["/dagster/shop"]
}

run "trusts_the_jobs_of_one_environment" {
  assert {
    condition = jsondecode(output.trust).Statement == [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = ["repo:example@1234/shop@5678:environment:production", "repo:example/shop:environment:production"]
        }
      }
    }]
    error_message = "both forms of the subject, whole, for AWS"
  }
  assert {
    condition     = aws_iam_role.this.max_session_duration == 3600
    error_message = "an hour: the actions renew theirs"
  }
}

run "trusts_ids_alone" {
  variables {
    trust = { repository = "example/shop", owner_id = 1234, repository_id = 5678, names = false, environments = ["production"] }
  }

  assert {
    condition     = jsondecode(output.trust).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example@1234/shop@5678:environment:production"]
    error_message = "a name that somebody else takes later opens nothing"
  }
}

run "trusts_workflows_alone" {
  variables {
    trust = { repository = "example/shop", environments = ["production"], workflows = ["example/workflows/.github/workflows/deploy.yml@refs/heads/main", "example/workflows/.github/workflows/rollback.yml@refs/heads/main"] }
  }

  assert {
    condition     = jsondecode(output.trust).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [for file in ["deploy", "rollback"] : "repo:example/shop:environment:production:job_workflow_ref:example/workflows/.github/workflows/${file}.yml@refs/heads/main"]
    error_message = "these workflows and no other"
  }
}

run "passes_named_roles_to_tasks" {
  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if contains(statement.Action, "iam:PassRole")] == [{
      Sid       = "Roles", Effect = "Allow", Action = ["iam:PassRole"],
      Resource  = ["arn:aws:iam::111122223333:role/shop-execution", "arn:aws:iam::111122223333:role/shop-run"],
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    }]
    error_message = "the roles of the tasks, to tasks"
  }
}

run "gives_everything_only_where_there_is_nothing_less" {
  assert {
    condition = toset(flatten([for statement in jsondecode(output.policy).Statement : statement.Action if contains(statement.Resource, "*")])) == toset(
      ["ssm:DescribeParameters", "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:ListTasks", "elasticloadbalancing:DescribeTargetHealth"]
    )
    error_message = "AWS knows no resource for these; every other is named"
  }
  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : try(statement.Condition.ArnEquals["ecs:cluster"], null) if statement.Sid == "TasksListed"] == ["arn:aws:ecs:eu-west-1:111122223333:cluster/shop"]
    error_message = "tasks are listed in this cluster only"
  }
}

run "cannot_change_what_infrastructure_offers" {
  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement.Resource if contains(statement.Action, "s3:PutObject")] == [
      ["arn:aws:s3:::shop-dagster/deploys/shop/*"]
    ]
    error_message = "the stack's records, and not its contract"
  }
}

run "opens_no_shell" {
  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : statement.Condition.Bool["ecs:enable-execute-command"] if contains(statement.Action, "ecs:RunTask")] == ["false"]
    error_message = "a one-off task is not entered"
  }
}

run "plan_only_reads" {
  variables {
    name     = "shop-github-plan"
    commands = ["plan", "status"]
    trust    = { repository = "example/shop", pull_requests = true }
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(output.policy).Statement : [for action in statement.Action : can(regex(":(Get|Describe|List|BatchGet)", action))]]))
    error_message = "a pull request changes nothing"
  }
  assert {
    condition     = jsondecode(output.trust).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/shop:pull_request"]
    error_message = "pull requests alone"
  }
}

run "refuses_every_job_of_a_repository" {
  command = plan
  variables {
    trust = { repository = "example/shop" }
  }
  expect_failures = [var.trust]
}

run "refuses_every_repository" {
  command = plan
  variables {
    trust = { repository = "example/*", environments = ["production"] }
  }
  expect_failures = [var.trust]
}

run "refuses_every_environment" {
  command = plan
  variables {
    trust = { repository = "example/shop", environments = ["*"] }
  }
  expect_failures = [var.trust]
}

run "refuses_to_pass_any_role" {
  command = plan
  variables {
    task_roles = ["arn:aws:iam::111122223333:role/*"]
  }
  expect_failures = [var.task_roles]
}

run "refuses_a_command_that_there_is_not" {
  command = plan
  variables {
    commands = ["everything"]
  }
  expect_failures = [var.commands]
}

run "gives_what_a_stack_file_asks_for" {
  variables {
    scan                = true
    create_repositories = true
  }

  assert {
    condition     = alltrue([for action in ["ecr:DescribeImageScanFindings", "ecr:StartImageScan", "ecr:CreateRepository"] : contains(one([for statement in jsondecode(output.policy).Statement : statement.Action if statement.Sid == "Repositories"]), action)])
    error_message = "on the repositories by name"
  }
}

run "lets_a_job_of_one_action_start_the_task_that_asks" {
  variables {
    commands      = ["deploy-service"]
    asked_by_task = true
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "OnceFamilies"] == [{
      Sid      = "OnceFamilies"
      Effect   = "Allow"
      Action   = ["ecs:RunTask"]
      Resource = ["arn:aws:ecs:eu-west-1:111122223333:task-definition/shop-once-*:*"]
      Condition = {
        ArnEquals = { "ecs:cluster" = "arn:aws:ecs:eu-west-1:111122223333:cluster/shop" }
        Bool      = { "ecs:enable-execute-command" = "false" }
      }
    }]
    error_message = "a task of the stack's one-off families, which nobody enters"
  }
}

run "starts_no_task_for_who_only_rolls_where_a_runner_asks" {
  variables {
    commands = ["deploy-service"]
  }

  assert {
    condition     = !strcontains(output.policy, "RunTask") && !strcontains(output.policy, "RegisterTaskDefinition")
    error_message = "most stacks need none of it"
  }
}

run "lets_who_plans_verify_by_reads_alone" {
  variables {
    commands = ["plan", "status"]
    verify   = true
  }

  assert {
    condition = [for statement in jsondecode(output.policy).Statement : statement if statement.Sid == "RolesRead"] == [{
      Sid      = "RolesRead"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:SimulatePrincipalPolicy"]
      Resource = ["arn:aws:iam::111122223333:role/shop-execution", "arn:aws:iam::111122223333:role/shop-run"]
    }]
    error_message = "of the roles of the tasks, by name"
  }
  assert {
    condition     = strcontains(output.policy, "secretsmanager:DescribeSecret") && !strcontains(output.policy, "GetSecretValue")
    error_message = "secrets are seen, and not read"
  }
}

run "lets_who_deploys_clean_up_where_that_is_asked_for" {
  variables {
    keep_revisions = true
  }

  assert {
    condition     = contains(flatten([for statement in jsondecode(output.policy).Statement : statement.Action if statement.Sid == "All"]), "ecs:DeregisterTaskDefinition")
    error_message = "AWS knows no resource of it"
  }
  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : statement.Resource if statement.Sid == "ServicesOfCluster"] == [["arn:aws:ecs:eu-west-1:111122223333:service/shop/*"]]
    error_message = "any service of the cluster may name a revision"
  }
}

run "gives_none_of_it_unasked" {
  assert {
    condition     = !strcontains(output.policy, "Scan") && !strcontains(output.policy, "CreateRepository") && !strcontains(output.policy, "Simulate") && !strcontains(output.policy, "Deregister")
    error_message = "most stacks need none of it"
  }
}

run "gives_none_of_it_to_who_plans" {
  variables {
    commands            = ["plan", "status"]
    scan                = true
    create_repositories = true
    asked_by_task       = true
  }

  assert {
    condition     = !strcontains(output.policy, "Scan") && !strcontains(output.policy, "CreateRepository") && !strcontains(output.policy, "RunTask")
    error_message = "a plan changes nothing"
  }
}

run "lets_who_deploys_keep_plain_files_where_the_stack_has_them" {
  variables {
    commands   = ["deploy"]
    dags       = ["dags/main/"]
    plain_dags = ["plain/main/"]
  }

  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : [statement.Action, statement.Resource] if statement.Sid == "DagsPlain"] == [[["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], ["arn:aws:s3:::shop-dagster/plain/main/*"]]]
    error_message = "files that go are removed, there and nowhere else"
  }
}

run "lets_who_deploys_write_the_list_of_locations" {
  variables {
    commands       = ["deploy"]
    dags           = ["dags/main/", "dags/theirs/"]
    dags_of_others = ["dags/theirs/"]
  }

  assert {
    condition     = [for statement in jsondecode(output.policy).Statement : [statement.Action, statement.Resource] if statement.Sid == "DagsWritten"] == [[["s3:PutObject"], ["arn:aws:s3:::shop-dagster/dags/main/*", "arn:aws:s3:::shop-dagster/dags/.stacks/shop/*.json"]]]
    error_message = "webserver and daemon are told their locations by a list in the bucket"
  }
}

run "lets_nobody_remove_versions" {
  variables {
    commands = ["deploy"]
    dags     = ["dags/main/"]
  }

  assert {
    condition     = !strcontains(output.policy, "s3:DeleteObject")
    error_message = "versions are what a release goes back to"
  }
}

run "lets_a_repository_publish_dags" {
  variables {
    name     = "shop-dags-orders"
    commands = ["sync-dags"]
    prefixes = ["dags/orders/"]
    trust    = { repository = "example/orders", branches = ["main"] }
  }

  assert {
    condition = jsondecode(output.policy).Statement == [
      { Sid = "Published", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::shop-dagster/dags/orders/*"] },
      {
        Sid       = "PublishedListed", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::shop-dagster"],
        Condition = { StringLike = { "s3:prefix" = ["dags/orders/*"] } }
      },
    ]
    error_message = "its own prefix, and nothing else"
  }
  assert {
    condition     = jsondecode(output.trust).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == ["repo:example/orders:ref:refs/heads/main"]
    error_message = "its own jobs"
  }
}

run "refuses_to_publish_nowhere" {
  command = plan
  variables {
    commands = ["sync-dags"]
  }
  expect_failures = [var.prefixes]
}

run "refuses_to_publish_everywhere" {
  command = plan
  variables {
    commands = ["sync-dags"]
    prefixes = ["*/"]
  }
  expect_failures = [var.prefixes]
}
