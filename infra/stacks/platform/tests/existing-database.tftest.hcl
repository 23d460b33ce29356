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

run "takes_a_database_that_there_is" {
  variables {
    database          = null
    existing_database = { host = "postgres.example.com", name = "dagster", user = "dagster", password = "ssm:/shop/password" }
    file_system       = true
  }

  assert {
    condition     = output.contract_object.database.host == "postgres.example.com" && startswith(output.contract_object.efs, "fs-")
    error_message = "as it is named"
  }
  assert {
    condition     = !can([for line in keys(output.monthly_cost.lines) : line if startswith(line, "Database")][0])
    error_message = "what is not made costs nothing"
  }
}

run "lets_tasks_reach_it" {
  variables {
    database          = null
    existing_database = { host = "postgres.example.com", port = 5433, name = "dagster", user = "dagster", password = "ssm:/shop/password" }
  }

  assert {
    condition     = output.egress == toset(["443 0.0.0.0/0", "5433 0.0.0.0/0"])
    error_message = "wherever it is, on its port"
  }
}

run "lets_tasks_reach_it_alone_where_it_is_named" {
  variables {
    database          = null
    existing_database = { host = "postgres.example.com", name = "dagster", user = "dagster", password = "ssm:/shop/password", security_groups = ["sg-db"], cidrs = ["10.9.0.0/16"] }
  }

  assert {
    condition     = output.egress == toset(["443 0.0.0.0/0", "5432 sg-db", "5432 10.9.0.0/16"])
    error_message = "and not the world on that port"
  }
  assert {
    condition     = output.contract_object.database.security-groups == tolist(["sg-db"]) && !can(output.contract_object.database.cidrs)
    error_message = "in words of the contract"
  }
}

run "opens_no_port_twice" {
  variables {
    database          = null
    existing_database = { host = "postgres.example.com", name = "dagster", user = "dagster", password = "ssm:/shop/password" }
    egress            = { 443 = "AWS", 5432 = "PostgreSQL elsewhere" }
  }

  assert {
    condition     = output.egress == toset(["443 0.0.0.0/0", "5432 0.0.0.0/0"])
    error_message = "AWS refuses a rule that there is"
  }
}
