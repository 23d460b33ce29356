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

run "offers_all_that_a_release_needs" {
  assert {
    condition     = keys(output.contract_object.services) == ["code", "daemon", "webserver"] && output.contract_object.services.code.address == "code.shop.internal" && output.contract_object.services.code.port == 4000
    error_message = "each service by its key"
  }
  assert {
    condition     = output.contract_object.roles.run == "shop-run" && output.contract_object["log-group"] == "/dagster/shop" && output.contract_object.database.password == "secret:shop/database#password"
    error_message = "roles, logs, database"
  }
  assert {
    condition     = !output.contract_object.network.public-address && length(output.contract_object.network.subnets) == 2
    error_message = "private subnets"
  }
  assert {
    condition     = output.url == null && length(output.roles) == 0 && !can(output.contract_object.services.webserver.url)
    error_message = "nobody is let in who was not named"
  }
}

run "opens_the_ports_of_code_locations_among_tasks" {
  variables {
    services = {
      code  = { kind = "code-location" }
      other = { kind = "code-location", port = 4001 }
    }
  }

  assert {
    condition     = output.contract_object.services.other.port == 4001
    error_message = "each its own"
  }
}

run "refuses_two_databases" {
  command = plan
  variables {
    existing_database = { host = "postgres.example.com", name = "dagster", user = "dagster", password = "ssm:/shop/password" }
  }
  expect_failures = [var.existing_database]
}

run "refuses_roles_without_a_provider" {
  command = plan
  variables {
    github = { repository = "example/shop", environment = "production" }
  }
  expect_failures = [var.github_provider_arn]
}
