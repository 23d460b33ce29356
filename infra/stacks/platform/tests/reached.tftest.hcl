provider "aws" {
  region = "us-east-1"
}

variables {
  name         = "shop"
  bucket       = "shop-dagster"
  repositories = ["shop/host", "shop/code"]
  protected    = false
  services = {
    code      = { kind = "code-location" }
    daemon    = { kind = "daemon" }
    webserver = { kind = "webserver", scaling = { max = 2 } }
  }
}

run "leads_to_the_webserver" {
  variables {
    ingress = { public = false, authentication = "none", sources = { cidrs = ["10.8.0.0/16"] }, certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", host = "dagster.example.com" }
  }

  assert {
    condition     = output.url == "https://dagster.example.com" && output.contract_object.services.webserver.url == output.url && !can(output.contract_object.services.code.url)
    error_message = "and the contract says so"
  }
  assert {
    condition     = output.warning == null
    error_message = "nothing is wrong with it"
  }
}

run "lets_github_in" {
  variables {
    github              = { repository = "example/shop", environment = "production" }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = output.roles == { for role in ["deploy", "plan", "build"] : role => "arn:aws:iam::111122223333:role/shop-github-${role}" }
    error_message = "one for each kind of job of the workflows"
  }
  assert {
    condition     = strcontains(output.policies.deploy, "ecs:UpdateService") && !strcontains(output.policies.plan, "ecs:UpdateService")
    error_message = "who plans changes nothing"
  }
  assert {
    condition     = strcontains(output.policies.build, "ecr:PutImage") && !strcontains(output.policies.build, "s3:PutObject") && !strcontains(output.policies.build, "ecs:Update") && !strcontains(output.policies.build, "ecs:Register")
    error_message = "who makes images makes images only"
  }
}

run "makes_no_images_on_no_branch" {
  variables {
    github              = { repository = "example/shop", environment = "production", branches = [] }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = keys(output.roles) == ["deploy", "plan"]
    error_message = "nobody could assume the role"
  }
}

run "lets_a_repository_publish_to_its_own_prefix" {
  variables {
    publishers = {
      orders = { repository = "example/orders", prefixes = ["dags/orders/"] }
      prices = { repository = "example/prices", prefixes = ["dags/prices/"] }
    }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = output.publishers == { for key in ["orders", "prices"] : key => "arn:aws:iam::111122223333:role/shop-dags-${key}" }
    error_message = "a role each"
  }
}

run "refuses_publishers_that_share_a_prefix" {
  command = plan
  variables {
    publishers = {
      orders = { repository = "example/orders", prefixes = ["dags/"] }
      prices = { repository = "example/prices", prefixes = ["dags/prices/"] }
    }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }
  expect_failures = [var.publishers]
}

run "refuses_a_prefix_that_no_task_reads" {
  command = plan
  variables {
    publishers          = { orders = { repository = "example/orders", prefixes = ["shop/"] } }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }
  expect_failures = [var.publishers]
}

run "asks_the_sidecar_for_health_behind_a_password" {
  variables {
    services = {
      code      = { kind = "code-location" }
      daemon    = { kind = "daemon" }
      webserver = { kind = "webserver", container = "nginx", port = 8080 }
    }
    ingress = { public = true, authentication = "basic", sources = { cidrs = ["10.8.0.0/16"] }, certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", host = "dagster.example.com" }
  }

  assert {
    condition     = module.ingress["this"].health_path == "/health"
    error_message = "nginx answers 401 to everything else"
  }
}

run "makes_an_environment_of_a_stack" {
  variables {
    name                = "shop-staging"
    stack               = "shop"
    bucket              = "shop-staging-dagster"
    github              = { repository = "example/shop", environment = "staging" }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = output.contract == "ssm:/dagster/shop-staging/contract" && output.contract_object.roles.run == "shop-staging-run" && output.contract_object.services.code.service == "shop-staging-code"
    error_message = "by its own name"
  }
  assert {
    condition     = alltrue([for policy in values(output.policies) : strcontains(policy, "arn:aws:s3:::shop-staging-dagster/shop/*") && !strcontains(policy, "task-definition/shop-staging-")])
    error_message = "records and families are the stack's"
  }
}

run "lets_a_task_ask_where_nobody_else_reaches_dagster" {
  variables {
    github              = { repository = "example/shop", environment = "production" }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = output.task_ports == toset([3000, 4000])
    error_message = "without an ingress, as the stack file has it without a URL"
  }
}

run "keeps_the_webserver_from_tasks_where_a_runner_asks" {
  variables {
    ingress             = { public = false, authentication = "none", sources = { cidrs = ["10.8.0.0/16"] }, certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", host = "dagster.example.com" }
    github              = { repository = "example/shop", environment = "production" }
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = output.task_ports == toset([4000])
    error_message = "whoever reaches Dagster may run code"
  }
}

run "lets_a_task_ask_where_it_is_told_to" {
  variables {
    reach   = "task"
    ingress = { public = false, authentication = "none", sources = { cidrs = ["10.8.0.0/16"] }, certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", host = "dagster.example.com" }
  }

  assert {
    condition     = output.task_ports == toset([3000, 4000])
    error_message = "beside the load balancer"
  }
}

run "watches_what_it_makes" {
  variables {
    ingress = { public = false, authentication = "none", sources = { cidrs = ["10.8.0.0/16"] }, certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1", host = "dagster.example.com" }
    alarms  = { notify = ["arn:aws:sns:us-east-1:111122223333:alarms"] }
  }

  assert {
    condition     = output.alarms == toset(["shop-code-does-not-run", "shop-daemon-does-not-run", "shop-webserver-does-not-run", "shop-errors", "shop-unhealthy", "shop-database-full"])
    error_message = "all of it"
  }
}
