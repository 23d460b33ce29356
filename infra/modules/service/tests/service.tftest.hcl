provider "aws" {
  region = "eu-west-1"
}

variables {
  name               = "shop"
  cluster            = "shop"
  subnets            = ["subnet-1a", "subnet-1b"]
  security_groups    = ["sg-1a"]
  namespace          = { id = "ns-1", name = "shop.internal" }
  execution_role_arn = "arn:aws:iam::111122223333:role/shop-execution"
  services = {
    code      = { kind = "code-location", port = 4000 }
    daemon    = { kind = "daemon" }
    webserver = { kind = "webserver", port = 3000, target_group_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop-web/1", scaling = { max = 2 } }
  }
}

run "rolls_each_kind_by_its_rule" {
  assert {
    condition     = aws_ecs_service.this["daemon"].deployment_minimum_healthy_percent == 0 && aws_ecs_service.this["daemon"].deployment_maximum_percent == 100
    error_message = "two daemons must never overlap"
  }
  assert {
    condition     = alltrue([for key in ["code", "webserver"] : aws_ecs_service.this[key].deployment_minimum_healthy_percent == 100 && aws_ecs_service.this[key].deployment_maximum_percent == 200])
    error_message = "a bad release must not take down what is served"
  }
  assert {
    condition     = aws_ecs_service.this["daemon"].availability_zone_rebalancing == "DISABLED" && aws_ecs_service.this["code"].availability_zone_rebalancing == "ENABLED"
    error_message = "ECS refuses rebalancing at a maximum of 100"
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : one(service.deployment_circuit_breaker).enable && one(service.deployment_circuit_breaker).rollback])
    error_message = "ECS takes back what does not start"
  }
}

run "starts_with_nothing_running" {
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : service.desired_count == 0])
    error_message = "the first release starts the tasks: there is no image before"
  }
  assert {
    condition     = alltrue([for definition in aws_ecs_task_definition.bootstrap : definition.skip_destroy])
    error_message = "a plan must not deregister what a rollback may need"
  }
  assert {
    condition     = alltrue([for key, definition in aws_ecs_task_definition.bootstrap : definition.family == "shop-${key}" && jsondecode(definition.container_definitions)[0].name == key])
    error_message = "family and container are those that the actions register"
  }
}

run "is_closed" {
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : !one(service.network_configuration).assign_public_ip && !service.enable_execute_command])
    error_message = "no public address and no shell, unless asked"
  }
}

run "is_found_by_name" {
  assert {
    condition     = output.services.code.address == "code.shop.internal" && output.services.webserver.address == "webserver.shop.internal"
    error_message = "who serves has a name"
  }
  assert {
    condition     = output.services.daemon.address == null && length(aws_ecs_service.this["daemon"].service_registries) == 0
    error_message = "nobody asks a daemon"
  }
  assert {
    condition     = one(one(aws_service_discovery_service.this["code"].dns_config).dns_records).ttl == 10 && one(one(aws_service_discovery_service.this["code"].dns_config).dns_records).type == "A"
    error_message = "the contract says ten seconds"
  }
  assert {
    condition     = one(aws_ecs_service.this["webserver"].load_balancer).container_name == "webserver" && one(aws_ecs_service.this["webserver"].load_balancer).container_port == 3000
    error_message = "the load balancer leads to the webserver's container"
  }
}

run "scales_the_webserver_alone" {
  assert {
    condition     = keys(aws_appautoscaling_target.this) == ["webserver"] && aws_appautoscaling_target.this["webserver"].min_capacity == 1 && aws_appautoscaling_target.this["webserver"].max_capacity == 2
    error_message = "one to two webservers"
  }
  assert {
    condition     = one(aws_appautoscaling_policy.cpu["webserver"].target_tracking_scaling_policy_configuration).target_value == 70 && one(aws_appautoscaling_policy.memory["webserver"].target_tracking_scaling_policy_configuration).target_value == 80
    error_message = "CPU 70, memory 80"
  }
}

run "keeps_lines_for_a_while" {
  assert {
    condition     = alltrue([for key, group in aws_cloudwatch_log_group.this : group.retention_in_days == 90 && group.name == "/dagster/shop/${key}"])
    error_message = "a group for each service, which does not grow for ever"
  }
}

run "refuses_to_scale_a_daemon" {
  command = plan
  variables {
    services = { daemon = { kind = "daemon", scaling = { max = 2 } } }
  }
  expect_failures = [var.services]
}

run "refuses_a_second_daemon" {
  command = plan
  variables {
    services = { one = { kind = "daemon" }, two = { kind = "daemon" } }
  }
  expect_failures = [var.services]
}

run "refuses_a_load_balancer_before_a_code_location" {
  command = plan
  variables {
    services = { code = { kind = "code-location", port = 4000, target_group_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/x/1" } }
  }
  expect_failures = [var.services]
}
