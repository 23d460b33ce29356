variable "name" {
  description = "The roles are `<name>-execution`, `<name>-webserver` and so on."
  type        = string
}

variable "stack" {
  description = "Name of the stack, as dagster-stack.yml has it, when that is another: families of runs are `<stack>-run-…` in every environment."
  type        = string
  default     = null
}

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "repositories" {
  description = "Names of the repositories that tasks pull from."
  type        = set(string)
}

variable "log_groups" {
  description = "Names of the log groups that tasks write to; `*` at the end stands for those below."
  type        = set(string)
}

variable "run_log_group" {
  description = "Log group of runs: the daemon puts the last lines of a run that failed into Dagster."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "read_prefixes" {
  description = "Prefixes that code locations, runs and whoever loads code may read: those of their DAG bundles."
  type        = set(string)
  default     = []
}

variable "data_prefixes" {
  description = "Prefixes that runs may read and write, and others may not: IO."
  type        = set(string)
  default     = ["io/"]
}

variable "locations" {
  description = "Locations whose runs have a role of their own, `<name>-run-<location>`, with the prefixes that they alone may read and write."
  type        = map(set(string))
  default     = {}

  validation {
    condition     = alltrue([for location in keys(var.locations) : can(regex("^[A-Za-z0-9_.-]+$", location))])
    error_message = "A location is letters, digits, `_`, `.` and `-`: any other character of its name is written `-`."
  }
  validation {
    condition = alltrue(flatten([
      for location, prefixes in var.locations : [
        for prefix in prefixes : [
          for other in concat(["compute-logs/", "contracts/", "${coalesce(var.stack, var.name)}/"], tolist(var.read_prefixes), tolist(var.data_prefixes), flatten([for name, theirs in var.locations : tolist(theirs) if name != location])) :
          !startswith(prefix, other) && !startswith(other, prefix)
        ]
      ]
    ]))
    error_message = "A location's prefix lies in none of data_prefixes and read_prefixes, nor in another location's: others would reach it; and not where compute logs, contracts and records of releases are."
  }
  validation {
    condition     = alltrue([for prefix in flatten([for prefixes in values(var.locations) : tolist(prefixes)]) : can(regex("^[^*?]+/$", prefix))])
    error_message = "A prefix ends in a slash, and holds no `*`."
  }
}

variable "in_process" {
  description = "Whether runs live inside daemon and webserver, which then reach the data of runs, too."
  type        = bool
  default     = false
}

variable "secrets" {
  description = "Names of Secrets Manager secrets that are given to tasks, as `secrets` in dagster-stack.yml has them."
  type        = set(string)
  default     = []
}

variable "parameters" {
  description = "SSM parameters that are given to tasks: `/shop/key`, or `/shop/*` for all below."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for parameter in var.parameters : can(regex("^/[^*]+\\*?$", parameter))])
    error_message = "A parameter begins with a slash, and `*` stands at its end, below a path."
  }
}

variable "keys" {
  description = "ARNs of your own KMS keys that encrypt these secrets or parameters."
  type        = set(string)
  default     = []
}

variable "file_system" {
  description = "Id of the EFS file system that tasks mount; null when there is none."
  type        = string
  default     = null
}
