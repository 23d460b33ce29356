output "services" {
  description = "What the contract says of each service, by its key."
  value = {
    for key, service in var.services : key => {
      service   = aws_ecs_service.this[key].name
      address   = contains(keys(local.found), key) ? "${aws_service_discovery_service.this[key].name}.${var.namespace.name}" : null
      port      = service.port
      log_group = aws_cloudwatch_log_group.this[key].name
    }
  }
}

output "task_definitions" {
  description = "What infrastructure would have each service run, by its key: the bootstrap revision until the first release."
  value       = { for key, service in aws_ecs_service.this : key => service.task_definition }
}
