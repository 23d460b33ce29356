output "roles" {
  description = "Names of the roles, by what the contract calls them."
  value       = { for kind, role in aws_iam_role.this : kind => role.name }
}

output "arns" {
  description = "ARNs of the roles, by what the contract calls them."
  value       = { for kind, role in aws_iam_role.this : kind => role.arn }
}

output "policies" {
  description = "What each role may, as JSON; for those who make the roles without OpenTofu."
  value       = { for kind, policy in aws_iam_role_policy.this : kind => policy.policy }
}
