output "name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "namespace" {
  description = "Cloud Map namespace: id and DNS name."
  value = {
    id   = aws_service_discovery_private_dns_namespace.this.id
    name = aws_service_discovery_private_dns_namespace.this.name
  }
}

output "log_group" {
  description = "Log group of runs and migrations."
  value       = aws_cloudwatch_log_group.this.name
}

output "security_group" {
  description = "Id of the security group of the tasks."
  value       = aws_security_group.tasks.id
}

output "task_ports" {
  description = "Ports on which tasks reach one another."
  value       = toset([for rule in aws_vpc_security_group_ingress_rule.among_tasks : rule.from_port])
}

output "egress" {
  description = "What tasks reach beside one another: port, and CIDR block or security group."
  value = toset([
    for rule in concat(values(aws_vpc_security_group_egress_rule.out), values(aws_vpc_security_group_egress_rule.to)) :
    "${rule.from_port} ${coalesce(rule.cidr_ipv4, rule.referenced_security_group_id)}"
  ])
}
