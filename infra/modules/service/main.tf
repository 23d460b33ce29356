locals {
  # A daemon stops before the next one starts: Dagster has no leader election, and two run every schedule twice.
  rollout = {
    daemon        = { minimum = 0, maximum = 100 }
    webserver     = { minimum = 100, maximum = 200 }
    code-location = { minimum = 100, maximum = 200 }
  }
  names      = { for key, service in var.services : key => coalesce(service.service, "${var.name}-${key}") }
  containers = { for key, service in var.services : key => coalesce(service.container, key) }
  found      = { for key, service in var.services : key => service if service.kind != "daemon" && service.port != null && var.namespace != null }
  scaled     = { for key, service in var.services : key => service.scaling if service.scaling != null }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = var.services
  name              = "/dagster/${var.name}/${each.key}"
  retention_in_days = each.value.log_retention_days
}

# An ECS service cannot be made without a task definition. This one never starts: the count is 0 until the first release, which
# registers the next revision. It is kept when something in it changes, so that no plan takes away what a rollback may need.
resource "aws_ecs_task_definition" "bootstrap" {
  for_each                 = var.services
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
  execution_role_arn       = var.execution_role_arn
  skip_destroy             = true
  container_definitions = jsonencode([{
    name         = local.containers[each.key]
    image        = "public.ecr.aws/docker/library/busybox:stable"
    command      = ["false"]
    essential    = true
    portMappings = each.value.port == null ? [] : [{ containerPort = each.value.port, hostPort = each.value.port, protocol = "tcp" }]
  }])

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }
}

resource "aws_service_discovery_service" "this" {
  for_each = local.found
  name     = replace(each.key, "_", "-")

  dns_config {
    namespace_id   = var.namespace.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_ecs_service" "this" {
  for_each = var.services
  name     = local.names[each.key]
  cluster  = var.cluster

  task_definition = aws_ecs_task_definition.bootstrap[each.key].arn
  desired_count   = 0

  launch_type                        = "FARGATE"
  platform_version                   = "1.4.0"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  enable_execute_command             = false
  deployment_minimum_healthy_percent = local.rollout[each.value.kind].minimum
  deployment_maximum_percent         = local.rollout[each.value.kind].maximum
  # ECS moves tasks between zones by starting one more first, which a maximum of 100 forbids.
  availability_zone_rebalancing     = each.value.kind == "daemon" ? "DISABLED" : "ENABLED"
  health_check_grace_period_seconds = each.value.target_group_arn == null ? null : 120

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = var.public_address
  }

  dynamic "load_balancer" {
    for_each = each.value.target_group_arn == null ? [] : [each.value.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = local.containers[each.key]
      container_port   = each.value.port
    }
  }

  dynamic "service_registries" {
    for_each = contains(keys(local.found), each.key) ? [aws_service_discovery_service.this[each.key].arn] : []

    content {
      registry_arn = service_registries.value
    }
  }

  lifecycle {
    # What runs, and how many of it, is the deployment's: infrastructure never undoes a release.
    ignore_changes = [task_definition, desired_count]
  }
}

resource "aws_appautoscaling_target" "this" {
  for_each           = local.scaled
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each           = local.scaled
  name               = "${local.names[each.key]}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = each.value.cpu

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "memory" {
  for_each           = local.scaled
  name               = "${local.names[each.key]}-memory"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = each.value.memory

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageMemoryUtilization"
    }
  }
}
