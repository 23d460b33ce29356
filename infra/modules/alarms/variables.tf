variable "name" {
  description = "Name of the stack; alarms begin with it, or with a service's name."
  type        = string
}

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "services" {
  description = "Names of the ECS services that always run."
  type        = set(string)
}

variable "load_balancer" {
  description = "Last parts of the ARNs of load balancer and target group, as CloudWatch has them; null when there is none."
  type = object({
    load_balancer = string
    target_group  = string
  })
  default = null
}

variable "database" {
  description = "The database instance and its storage; null when it is not watched."
  type = object({
    identifier = string
    storage_gb = number
  })
  default = null
}

variable "notify" {
  description = "ARNs that hear of an alarm and of its end: SNS topics."
  type        = set(string)

  validation {
    condition     = length(var.notify) > 0
    error_message = "An alarm that nobody hears is none: name a topic."
  }
}
