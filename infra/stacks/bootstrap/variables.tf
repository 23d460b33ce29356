variable "state_bucket" {
  description = "Name of the bucket for the states of OpenTofu, this one's too."
  type        = string
}

variable "repositories" {
  description = "Names of the ECR repositories of all stacks in this account and region."
  type        = set(string)
}

variable "github_provider_arn" {
  description = "ARN of the account's OpenID Connect provider for GitHub, when it has one: an account can have only one. Null makes it."
  type        = string
  default     = null
}

variable "protected" {
  description = "Refuse every plan that would destroy or replace the bucket of states."
  type        = bool
  default     = true
}
