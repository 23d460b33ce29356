output "arn" {
  description = "ARN of the role: `role-to-assume` of the actions."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "What the role may, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "trust" {
  description = "Who may assume the role, as JSON."
  value       = aws_iam_role.this.assume_role_policy
}
