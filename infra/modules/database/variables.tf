variable "name" {
  description = "Name of the stack, and of the instance."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
}

variable "subnets" {
  description = "Ids of private subnets, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnets) >= 2
    error_message = "RDS wants subnets in two zones."
  }
}

variable "clients" {
  description = "Security groups that may connect, by what they are: the tasks', and those of a VPN or a bastion."
  type        = map(string)
}

variable "database" {
  description = "Name of Dagster's database. A second one on the same instance is made by a migration of yours (`CREATE DATABASE`)."
  type        = string
  default     = "dagster"
}

variable "username" {
  description = "Name of the database's user."
  type        = string
  default     = "dagster"
}

variable "password_version" {
  description = "Raise it to have a new password made. Tasks keep the old one until the next release starts them anew: release at once."
  type        = number
  default     = 1
}

variable "instance_class" {
  description = "Class of the instance."
  type        = string
  default     = "db.t4g.micro"
}

variable "engine_version" {
  description = "PostgreSQL, its major version: minor ones come by themselves."
  type        = string
  default     = "17"
}

variable "storage_gb" {
  description = "Storage at first, in GB; it grows up to five times that by itself."
  type        = number
  default     = 20
}

variable "backup_days" {
  description = "Days that one can go back to."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "One to 35 days: a database without backups is none."
  }
}

variable "multi_az" {
  description = "A second instance in another zone that takes over: twice the price."
  type        = bool
  default     = false
}

variable "recovery_days" {
  description = "Days for which the secret of a database that was taken down can be had back, and its name is taken: 7 to 30, or 0 for not at all."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "Secrets Manager keeps a deleted secret for 7 to 30 days, or with 0 not at all."
  }
}

variable "protected" {
  description = "Refuse every plan that would destroy or replace the instance. False only to take a stack down for good; a last snapshot is taken then."
  type        = bool
  default     = true
}
