provider "aws" {
  region = "eu-west-1"
}

variables {
  name          = "shop"
  cluster       = "shop"
  repositories  = ["shop/host", "shop/code"]
  log_groups    = ["/dagster/shop", "/dagster/shop/*"]
  run_log_group = "/dagster/shop"
  bucket        = "shop-dagster"
  read_prefixes = ["dags/"]
  secrets       = ["shop/database"]
  parameters    = ["/shop/*"]
}

run "trusts_tasks_of_this_account" {
  assert {
    condition = alltrue([
      for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement == [{
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:ecs:eu-west-1:111122223333:*" } }
      }]
    ])
    error_message = "tasks, and only of this account"
  }
}

run "names_roles_as_the_contract_does" {
  assert {
    condition     = output.roles == { code-location = "shop-code-location", daemon = "shop-daemon", execution = "shop-execution", run = "shop-run", webserver = "shop-webserver" }
    error_message = "one for each kind"
  }
}

run "passes_two_roles_to_tasks" {
  assert {
    condition = [for statement in jsondecode(output.policies["daemon"]).Statement : statement if contains(statement.Action, "iam:PassRole")] == [{
      Sid       = "PassRunRoles", Effect = "Allow", Action = ["iam:PassRole"],
      Resource  = ["arn:aws:iam::111122223333:role/shop-run", "arn:aws:iam::111122223333:role/shop-execution"],
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    }]
    error_message = "the daemon passes the roles of runs, to tasks, and no other"
  }
  assert {
    condition     = alltrue([for kind in ["webserver", "code-location", "run", "execution"] : !strcontains(output.policies[kind], "iam:PassRole")])
    error_message = "nobody else passes a role"
  }
}

run "starts_runs_of_this_stack" {
  assert {
    condition = [for statement in jsondecode(output.policies["daemon"]).Statement : [statement.Resource, statement.Condition] if contains(statement.Action, "ecs:RunTask")] == [[
      ["arn:aws:ecs:eu-west-1:111122223333:task-definition/shop-run-*:*"], { ArnEquals = { "ecs:cluster" = "arn:aws:ecs:eu-west-1:111122223333:cluster/shop" } }
    ]]
    error_message = "runs of this stack, in this cluster"
  }
  assert {
    condition     = alltrue([for policy in values(output.policies) : !strcontains(policy, "ecs:RegisterTaskDefinition")])
    error_message = "what runs is registered by a release, and by nobody in a task"
  }
}

run "starts_runs_of_the_stack_in_each_environment" {
  variables {
    name  = "shop-staging"
    stack = "shop"
  }

  assert {
    condition     = strcontains(output.policies["daemon"], "task-definition/shop-run-*:*") && output.roles.run == "shop-staging-run"
    error_message = "roles by environment, families by stack"
  }
}

run "gives_everything_only_where_there_is_nothing_less" {
  assert {
    condition = toset(flatten([
      for policy in values(output.policies) : [for statement in jsondecode(policy).Statement : statement.Action if contains(statement.Resource, "*")]
    ])) == toset(["ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces"])
    error_message = "AWS knows no resource for these three; every other is named"
  }
  assert {
    condition     = alltrue(flatten([for policy in values(output.policies) : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]]))
    error_message = "no action is a pattern"
  }
}

run "keeps_the_data_of_runs_from_others" {
  assert {
    condition     = strcontains(output.policies["run"], "arn:aws:s3:::shop-dagster/io/*")
    error_message = "runs write their data"
  }
  assert {
    condition     = alltrue([for kind in ["webserver", "code-location", "daemon", "execution"] : !strcontains(output.policies[kind], "shop-dagster/io/")])
    error_message = "nobody else reads or writes it"
  }
  assert {
    condition = alltrue(flatten([
      for kind in ["webserver", "code-location", "daemon"] : [
        for statement in jsondecode(output.policies[kind]).Statement : statement.Resource == ["arn:aws:s3:::shop-dagster/compute-logs/*"] if contains(statement.Action, "s3:PutObject")
      ]
    ]))
    error_message = "they write their logs, and nothing else"
  }
  assert {
    condition     = alltrue([for policy in values(output.policies) : !strcontains(policy, "arn:aws:s3:::shop-dagster/*") && !strcontains(policy, "shop-dagster/contracts")])
    error_message = "no task reaches the journal or the contract"
  }
}

run "gives_secrets_to_the_execution_role_alone" {
  assert {
    condition     = strcontains(output.policies["execution"], "secret:shop/database-??????") && strcontains(output.policies["execution"], "parameter/shop/*")
    error_message = "by name"
  }
  assert {
    condition     = alltrue([for kind, policy in output.policies : kind == "execution" || !strcontains(policy, "secretsmanager:")])
    error_message = "a task has its secrets as variables, and asks for none"
  }
}

run "lets_runs_live_in_their_hosts" {
  variables {
    in_process = true
  }

  assert {
    condition     = alltrue([for kind in ["webserver", "daemon"] : strcontains(output.policies[kind], "shop-dagster/io/")]) && !strcontains(output.policies["code-location"], "shop-dagster/io/")
    error_message = "who carries out runs reaches their data"
  }
}

run "reads_no_bundles_where_there_are_none" {
  variables {
    read_prefixes = []
  }

  assert {
    condition     = alltrue([for policy in values(output.policies) : !strcontains(policy, "Bundles")])
    error_message = "no empty statement, which IAM refuses"
  }
}

run "mounts_the_file_system_there_is" {
  variables {
    file_system = "fs-1"
  }

  assert {
    condition     = alltrue([for kind in ["run", "code-location", "webserver", "daemon"] : strcontains(output.policies[kind], "file-system/fs-1")]) && !strcontains(output.policies["execution"], "elasticfilesystem")
    error_message = "every task whose `mounts` may say so"
  }
}

run "refuses_a_parameter_that_is_everything" {
  command = plan
  variables {
    parameters = ["*"]
  }
  expect_failures = [var.parameters]
}

run "gives_each_location_its_own_data" {
  variables {
    locations = { orders = ["data/orders/"], stock = ["data/stock/"] }
  }

  assert {
    condition     = output.roles["run-orders"] == "shop-run-orders" && strcontains(output.policies["run-orders"], "shop-dagster/data/orders/*") && !strcontains(output.policies["run-orders"], "stock") && !strcontains(output.policies["run-orders"], "shop-dagster/io/")
    error_message = "and no other's"
  }
  assert {
    condition     = !strcontains(output.policies["run"], "shop-dagster/data/") && !strcontains(output.policies["code-location"], "shop-dagster/data/")
    error_message = "nobody else's runs reach it"
  }
  assert {
    condition = one([for statement in jsondecode(output.policies["daemon"]).Statement : statement.Resource if statement.Sid == "PassRunRoles"]) == [
      for name in ["run", "run-orders", "run-stock", "execution"] : "arn:aws:iam::111122223333:role/shop-${name}"
    ]
    error_message = "the daemon starts runs of all"
  }
}

run "refuses_data_that_all_runs_reach" {
  command = plan
  variables {
    locations = { orders = ["io/orders/"] }
  }
  expect_failures = [var.locations]
}

run "refuses_data_of_another_location" {
  command = plan
  variables {
    locations = { orders = ["data/"], stock = ["data/stock/"] }
  }
  expect_failures = [var.locations]
}

run "refuses_code_that_runs_may_write" {
  command = plan
  variables {
    read_prefixes = ["dags/"]
    locations     = { orders = ["dags/orders/"] }
  }
  expect_failures = [var.locations]
}

run "refuses_records_of_releases_as_data" {
  command = plan
  variables {
    locations = { orders = ["shop/releases/"] }
  }
  expect_failures = [var.locations]
}
