resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }
}

# Runs may ask for Spot by a tag of their own; services say Fargate themselves. No default strategy: it would show as drift in each of them.
resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "Names of the tasks of ${var.name}."
  vpc         = var.vpc_id
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/dagster/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_security_group" "tasks" {
  name                   = "${var.name}-tasks"
  description            = "Tasks of ${var.name}"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
}

resource "aws_vpc_security_group_ingress_rule" "among_tasks" {
  for_each                     = { for port in var.task_ports : tostring(port) => port }
  security_group_id            = aws_security_group.tasks.id
  referenced_security_group_id = aws_security_group.tasks.id
  description                  = "Dagster, asked by other tasks of the stack"
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "among_tasks" {
  for_each                     = { for port in var.task_ports : tostring(port) => port }
  security_group_id            = aws_security_group.tasks.id
  referenced_security_group_id = aws_security_group.tasks.id
  description                  = "Dagster in other tasks of the stack"
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = var.egress
  security_group_id = aws_security_group.tasks.id
  description       = each.value
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "to" {
  for_each                     = var.egress_to
  security_group_id            = aws_security_group.tasks.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = each.value.cidr
  referenced_security_group_id = each.value.security_group
}
