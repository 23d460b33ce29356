output "target_group_arn" {
  description = "ARN of the target group of the webserver."
  value       = aws_lb_target_group.this.arn

  # ECS refuses a target group that no listener leads to.
  depends_on = [aws_lb_listener_rule.this]
}

output "url" {
  description = "Where Dagster is reached."
  value       = "${local.scheme}://${var.host != null ? var.host : aws_lb.this.dns_name}${local.shown_port}"
}

output "port" {
  description = "Port of the webserver's task."
  value       = var.target.port
}

output "warning" {
  description = "What is wrong with how Dagster is reached, in words; null when nothing is."
  value = local.https ? null : join(" ", compact([
    "PLAIN HTTP: passwords and data travel to ${var.name} as they are.",
    var.authentication == "none" && var.public ? "NO AUTHENTICATION: everybody who reaches it may run code." : null,
  ]))
}

output "watched" {
  description = "What an alarm says of load balancer and target group: the last parts of their ARNs."
  value       = { load_balancer = aws_lb.this.arn_suffix, target_group = aws_lb_target_group.this.arn_suffix }
}

output "health_path" {
  description = "Where the load balancer asks whether Dagster answers."
  value       = one(aws_lb_target_group.this.health_check).path
}
