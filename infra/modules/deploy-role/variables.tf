variable "name" {
  description = "Name of the role."
  type        = string
}

variable "stack" {
  description = "Name of the stack, as dagster-stack.yml has it."
  type        = string
}

variable "commands" {
  description = "What the role is for: columns of docs/permissions.md. `deploy`, `rollback`, `status` and `unlock` for who releases, `plan` and `status` for pull requests, `build-push-image` for a job that only builds, `sync-dags` for who publishes DAGs to `prefixes`."
  type        = set(string)

  validation {
    condition     = length(var.commands) > 0 && length(setsubtract(var.commands, jsondecode(file("${path.module}/permissions.json")).columns)) == 0
    error_message = "A command is a column of docs/permissions.md."
  }
}

variable "trust" {
  description = <<-EOT
    Whose jobs may assume the role: those of one repository, in these environments, on these branches, or of its pull requests.
    With both ids, the subject of repositories made since July 2026 is trusted, and with `names` that of the rest. `workflows` is for
    organisations whose subjects end in `job_workflow_ref`: then only these reusable workflows may, deploy.yml, preview.yml, rollback.yml, drift.yml.
  EOT
  type = object({
    repository    = string
    owner_id      = optional(number)
    repository_id = optional(number)
    names         = optional(bool, true)
    environments  = optional(set(string), [])
    branches      = optional(set(string), [])
    pull_requests = optional(bool, false)
    workflows     = optional(set(string), [])
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.trust.repository))
    error_message = "The repository is owner/name, and holds no `*`."
  }
  validation {
    condition     = length(var.trust.environments) + length(var.trust.branches) > 0 || var.trust.pull_requests
    error_message = "Name an environment or a branch, or pull_requests: a role that every job of a repository may assume protects nothing."
  }
  validation {
    condition     = alltrue([for name in setunion(var.trust.environments, var.trust.branches) : can(regex("^[^*?:]+$", name))])
    error_message = "An environment or branch is one, by its whole name: without `*`, `?` and `:`."
  }
  validation {
    condition     = (var.trust.owner_id == null) == (var.trust.repository_id == null) && (var.trust.names || var.trust.owner_id != null)
    error_message = "Give owner_id and repository_id, or neither; without names, both are needed."
  }
  validation {
    condition     = alltrue([for workflow in var.trust.workflows : can(regex("^[^*?]+/[.]github/workflows/[^*?]+@[^*?]+$", workflow))])
    error_message = "A workflow is owner/name/.github/workflows/file.yml@ref, whole."
  }
}

variable "provider_arn" {
  description = "ARN of the account's OpenID Connect provider for GitHub."
  type        = string
}

variable "contract" {
  description = "Where the contract is: name of the parameter, bucket and key of the object."
  type = object({
    parameter = string
    bucket    = string
    key       = string
  })
}

variable "bucket" {
  description = "Bucket and prefix of the stack's records, as the contract has them."
  type = object({
    name   = string
    prefix = optional(string, "")
  })
}

variable "prefixes" {
  description = "Prefixes of DAGs in the bucket that `sync-dags` publishes to, each with its slash: `dags/shop/`."
  type        = set(string)
  default     = []

  validation {
    condition     = contains(var.commands, "sync-dags") == (length(var.prefixes) > 0)
    error_message = "sync-dags publishes to prefixes, and nobody else does."
  }
  validation {
    condition     = alltrue([for prefix in var.prefixes : can(regex("^[^*?/]+/([^*?]+/)*$", prefix))])
    error_message = "A prefix ends in a slash, and holds no `*`."
  }
}

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "services" {
  description = "Names of the stack's ECS services, and of those that they replace."
  type        = set(string)
}

variable "families" {
  description = "Families of task definitions that are registered, beside `<stack>-*`."
  type        = set(string)
  default     = []
}

variable "repositories" {
  description = "Names of the repositories of images and of bases."
  type        = set(string)
}

variable "task_roles" {
  description = "ARNs of the roles of the tasks: exactly those that may be passed."
  type        = set(string)

  validation {
    condition     = alltrue([for arn in var.task_roles : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*?]+$", arn))])
    error_message = "A role is named whole: `*` would pass an administrator's to a container."
  }
}

variable "log_groups" {
  description = "Names of the log groups of services, runs and migrations."
  type        = set(string)
}

variable "asked_by_task" {
  description = "Whether a task asks Dagster (`gates: { reach: task }`), and not the runner."
  type        = bool
  default     = false
}

variable "scan" {
  description = "Whether images have `scan:` in dagster-stack.yml."
  type        = bool
  default     = false
}

variable "create_repositories" {
  description = "Whether images have `create:` in dagster-stack.yml. With a KMS key of your own, the key's policy must let the role in, too."
  type        = bool
  default     = false
}

variable "verify" {
  description = "Whether the role is for `verify: true`, which asks AWS before a release for what tasks need. Values of secrets are not among it."
  type        = bool
  default     = false
}

variable "keep_revisions" {
  description = "Whether the role is for `keep-revisions`, which deregisters old task definitions after a release. AWS does not narrow that right to families."
  type        = bool
  default     = false
}

variable "dags" {
  description = "Key prefixes of `dags:` in dagster-stack.yml, each with its slash: `dags/<location>/` where the file names none."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.dags : can(regex("^([A-Za-z0-9_.-]+/)+$", prefix))])
    error_message = "A prefix ends in a slash, and holds no `*`."
  }
}

variable "dags_of_others" {
  description = "Those of them that other repositories release (`source:`): the role reads them, and writes nothing there."
  type        = set(string)
  default     = []
}

variable "plain_dags" {
  description = "Prefixes of plain files in the bucket, each with its slash: those of `dags:` with `layout: mirror` or `both`."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.plain_dags : can(regex("^([A-Za-z0-9_.-]+/)+$", prefix))])
    error_message = "A prefix ends in a slash, and holds no `*`."
  }
}

variable "session_hours" {
  description = "Longest session. The actions renew theirs; one hour is enough."
  type        = number
  default     = 1

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12
    error_message = "One to twelve hours."
  }
}
