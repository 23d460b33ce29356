provider "aws" {
  region = "eu-west-1"
}

variables {
  name      = "shop"
  vpc_id    = "vpc-1"
  subnets   = ["subnet-1a", "subnet-1b"]
  clients   = { tasks = "sg-tasks", vpn = "sg-vpn" }
  protected = false
}

run "is_closed" {
  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted
    error_message = "private, and encrypted"
  }
  assert {
    condition     = one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"]) == "1" && aws_db_instance.this.parameter_group_name == aws_db_parameter_group.this.name
    error_message = "nobody talks to it in plain text"
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 5432 && rule.to_port == 5432 && rule.cidr_ipv4 == null]) && toset([for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id]) == toset(["sg-tasks", "sg-vpn"])
    error_message = "who is named connects, and nobody else"
  }
}

run "can_be_had_back" {
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 14 && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups && aws_db_instance.this.final_snapshot_identifier == "shop-last-${trimprefix(aws_security_group.this.id, "sg-")}"
    error_message = "backups, and a last snapshot that is not named as that of a stack before"
  }
  assert {
    condition     = can(regex("^[a-z](-?[a-z0-9])+$", aws_db_instance.this.final_snapshot_identifier))
    error_message = "a name that RDS takes"
  }
  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "the secret, too"
  }
  assert {
    condition     = !aws_db_instance.this.allow_major_version_upgrade && aws_db_instance.this.auto_minor_version_upgrade
    error_message = "major versions are somebody's decision"
  }
}

run "frees_the_name_of_the_secret_when_told" {
  variables {
    recovery_days = 0
  }

  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 0
    error_message = "a stack can be made again under the same name"
  }
}

run "refuses_days_that_aws_does_not_take" {
  command = plan
  variables {
    recovery_days = 3
  }
  expect_failures = [var.recovery_days]
}

run "keeps_the_password_out_of_the_state" {
  assert {
    condition     = aws_db_instance.this.password == null && aws_secretsmanager_secret_version.this.secret_string == null
    error_message = "written, and not kept"
  }
  assert {
    condition     = aws_db_instance.this.password_wo_version == aws_secretsmanager_secret_version.this.secret_string_wo_version
    error_message = "secret and instance change together"
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password == null
    error_message = "RDS would rotate it under running tasks"
  }
}

run "says_what_the_contract_says" {
  assert {
    condition = { for key, value in output.database : key => value if key != "security_groups" && value != null } == {
      host = "db.abcdefghijkl.eu-west-1.rds.amazonaws.com", port = 5432, name = "dagster", user_from = "secret:shop/database#username", password = "secret:shop/database#password"
    }
    error_message = "in the contract's words"
  }
  assert {
    condition     = output.database.security_groups == tolist([aws_security_group.this.id])
    error_message = "with the group that lets its clients in"
  }
}

run "changes_the_password_when_told" {
  variables {
    password_version = 2
  }

  assert {
    condition     = aws_db_instance.this.password_wo_version == 2 && aws_secretsmanager_secret_version.this.secret_string_wo_version == 2
    error_message = "both"
  }
}

run "refuses_to_do_without_backups" {
  command = plan
  variables {
    backup_days = 0
  }
  expect_failures = [var.backup_days]
}
