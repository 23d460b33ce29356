provider "aws" {
  region = "eu-west-1"
}

variables {
  name   = "shop"
  vpc_id = "vpc-1"
}

run "tasks_reach_only_what_they_use" {
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.among_tasks : rule.referenced_security_group_id == aws_security_group.tasks.id && rule.cidr_ipv4 == null && rule.from_port == rule.to_port])
    error_message = "tasks are reached by tasks, port by port"
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.among_tasks) == ["4000"] && keys(aws_vpc_security_group_egress_rule.out) == ["443"]
    error_message = "in on 4000, out on 443"
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.out : rule.ip_protocol == "tcp" && rule.from_port == rule.to_port])
    error_message = "no rule for everything"
  }
}

run "has_a_log_with_an_end" {
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/dagster/shop" && aws_cloudwatch_log_group.this.retention_in_days == 90
    error_message = "runs and migrations write here"
  }
}

run "lets_runs_ask_for_spot" {
  assert {
    condition     = aws_ecs_cluster_capacity_providers.this.capacity_providers == toset(["FARGATE", "FARGATE_SPOT"]) && length(aws_ecs_cluster_capacity_providers.this.default_capacity_provider_strategy) == 0
    error_message = "both, and no default, which every service would show as drift"
  }
}

run "names_the_namespace_after_the_stack" {
  assert {
    condition     = output.namespace.name == "shop.internal"
    error_message = "shop.internal"
  }
}

run "leads_to_what_is_named" {
  variables {
    egress_to = { database = { port = 5433, security_group = "sg-db" }, warehouse = { port = 5439, cidr = "10.9.0.0/16" } }
  }

  assert {
    condition     = output.egress == toset(["443 0.0.0.0/0", "5433 sg-db", "5439 10.9.0.0/16"])
    error_message = "its port, and nowhere else"
  }
}

run "refuses_a_destination_that_is_nowhere" {
  command = plan
  variables {
    egress_to = { database = { port = 5432 } }
  }
  expect_failures = [var.egress_to]
}
