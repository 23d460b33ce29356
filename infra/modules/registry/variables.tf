variable "repositories" {
  description = "Names of the repositories, as `images` in dagster-stack.yml have them."
  type        = set(string)

  validation {
    condition     = length(var.repositories) > 0
    error_message = "A stack has at least one image."
  }
}

variable "untagged_days" {
  description = "Days for which an image that lost its tag is kept. What has a tag is kept: a rollback pulls it, and so does a daemon that has not moved for a year."
  type        = number
  default     = 14
}

variable "mutable_tags" {
  description = "Patterns of tags that may move, five at most: those of build caches."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.mutable_tags) <= 5 && !contains(var.mutable_tags, "*")
    error_message = "ECR takes five patterns, and `*` would make every tag mutable."
  }
}
