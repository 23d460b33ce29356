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
