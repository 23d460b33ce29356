output "contract" {
  description = "What `contract:` in dagster-stack.yml says."
  value       = module.contract.reference
}

output "contract_object" {
  description = "The contract itself."
  value       = module.contract.contract
}

output "roles" {
  description = "`deploy-role`, `plan-role` and `build-role` of the workflows, by their first word."
  value       = { for key, role in module.deploy_role : key => role.arn }
}

output "policies" {
  description = "What these roles may, as JSON."
  value       = { for key, role in module.deploy_role : key => role.policy }
}

output "publishers" {
  description = "`role-to-assume` of the jobs that publish DAGs, by the keys of `publishers`."
  value       = { for key, role in module.publisher_role : key => role.arn }
}

output "url" {
  description = "Where Dagster is reached; null when it is not."
  value       = one([for ingress in module.ingress : ingress.url])
}

output "monthly_cost" {
  description = "USD a month before the first run, by line."
  value       = module.cost.monthly
}

output "warning" {
  description = "What is wrong with how Dagster is reached; null when nothing is."
  value       = one([for ingress in module.ingress : ingress.warning])
}

output "task_definitions" {
  description = "What infrastructure would have each service run: the bootstrap revision until the first release."
  value       = module.service.task_definitions
}

output "task_ports" {
  description = "Ports on which tasks reach one another."
  value       = module.cluster.task_ports
}

output "egress" {
  description = "What tasks reach: port, and CIDR block or security group."
  value       = module.cluster.egress
}

output "alarms" {
  description = "Names of the alarms."
  value       = toset(flatten([for alarms in module.alarms : tolist(alarms.alarms)]))
}
