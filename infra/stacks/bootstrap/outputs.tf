output "backend" {
  description = "What the backend of every other stack says, beside a key of its own."
  value = {
    bucket       = module.state.bucket
    use_lockfile = true
    encrypt      = true
  }
}

output "repositories" {
  description = "URL of each repository, by its name."
  value       = module.registry.repositories
}

output "github_provider_arn" {
  description = "ARN of the OpenID Connect provider for GitHub."
  value       = var.github_provider_arn != null ? var.github_provider_arn : one([for provider in aws_iam_openid_connect_provider.github : provider.arn])
}
