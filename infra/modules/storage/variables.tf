variable "bucket" {
  description = "Name of the bucket: the journal of releases, contracts, DAG bundles, compute logs and IO, each below a prefix."
  type        = string
}

variable "protected" {
  description = "Refuse every plan that would destroy or replace the bucket or the file system. False only to take a stack down for good."
  type        = bool
  default     = true
}

variable "compute_log_days" {
  description = "Days for which compute logs are kept; they are below `compute-logs/`. Null keeps them."
  type        = number
  default     = 90
}

variable "noncurrent_days" {
  description = "Days for which a replaced or deleted object can be had back."
  type        = number
  default     = 30
}

variable "file_system" {
  description = "An EFS file system for what must last and is no object: subnets of its mount targets, the VPC, and the security group of the tasks. Null makes none."
  type = object({
    name       = string
    vpc_id     = string
    subnets    = map(string)
    task_group = string
  })
  default = null
}
