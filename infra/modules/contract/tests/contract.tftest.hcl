provider "aws" {
  region = "eu-west-1"
}

variables {
  name    = "shop"
  cluster = "shop"
  network = { subnets = ["subnet-1a"], security_groups = ["sg-1a"] }
  bucket  = { name = "shop-dagster" }
}

run "leaves_out_what_is_not_there" {
  assert {
    condition     = keys(output.contract) == ["account", "bucket", "cluster", "name-ttl-seconds", "network", "region", "roles", "schema", "services"]
    error_message = "an absent key is absent, not null"
  }
  assert {
    condition     = aws_s3_object.contract.content == jsonencode(output.contract)
    error_message = "what is written is what is told"
  }
}

run "is_found_by_one_name" {
  assert {
    condition     = output.reference == "ssm:/dagster/shop/contract" && aws_ssm_parameter.contract.value == "s3://shop-dagster/contracts/shop.json" && aws_ssm_parameter.contract.type == "String"
    error_message = "the parameter holds the object's address"
  }
  assert {
    condition     = !startswith(aws_s3_object.contract.key, "shop/")
    error_message = "who may write the stack's records must not reach its contract"
  }
}

run "writes_the_words_of_the_actions" {
  variables {
    contract_version = 7
    roles            = { execution = "shop-execution", run = "shop-run" }
    log_group        = "/dagster/shop"
    services         = { code = { address = "code.shop.internal", port = 4000, log_group = "/dagster/shop/code", task_role = "shop-code" } }
    database         = { host = "db", name = "dagster", user_from = "secret:shop/database#username", password = "secret:shop/database#password" }
    efs              = "fs-1"
  }

  assert {
    condition     = output.contract.services.code == { address = "code.shop.internal", port = 4000, log-group = "/dagster/shop/code", task-role = "shop-code" }
    error_message = "a service's keys"
  }
  assert {
    condition     = output.contract.database.user.from == "secret:shop/database#username" && output.contract.database.port == 5432
    error_message = "a user that stands in a secret"
  }
  assert {
    condition     = output.contract.version == 7 && output.contract.efs == "fs-1"
    error_message = "version and file system"
  }
}

run "takes_a_user_as_it_is" {
  variables {
    database = { host = "db", name = "dagster", user = "dagster", password = "ssm:/shop/password" }
  }

  assert {
    condition     = output.contract.database.user == "dagster"
    error_message = "a user in plain text"
  }
}

run "takes_the_network_of_a_service" {
  variables {
    network = { like_service = "shop-daemon" }
  }

  assert {
    condition     = output.contract.network == { like-service = "shop-daemon" }
    error_message = "like-service stands alone"
  }
}

run "refuses_two_networks" {
  command = plan
  variables {
    network = { like_service = "shop-daemon", subnets = ["subnet-1a"], security_groups = ["sg-1a"] }
  }
  expect_failures = [var.network]
}

run "refuses_a_password" {
  command = plan
  variables {
    database = { host = "db", name = "dagster", user = "dagster", password = "hunter2" }
  }
  expect_failures = [var.database]
}

run "refuses_a_secret_that_rotates_by_itself" {
  command = plan
  variables {
    database = { host = "db", name = "dagster", user = "dagster", password = "secret:rds!db-0123#password" }
  }
  expect_failures = [var.database]
}
