data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  network = {
    for key, value in {
      like-service    = var.network.like_service
      subnets         = var.network.subnets
      security-groups = var.network.security_groups
      public-address  = var.network.like_service == null ? var.network.public_address : null
    } : key => value if value != null
  }

  services = {
    for key, service in var.services : key => {
      for name, value in {
        service   = service.service
        address   = service.address
        port      = service.port
        url       = service.url
        log-group = service.log_group
        task-role = service.task_role
      } : name => value if value != null
    }
  }

  database = var.database == null ? null : merge(
    {
      host     = var.database.host
      port     = var.database.port
      name     = var.database.name
      password = var.database.password
    },
    { for key, user in { user = var.database.user } : key => user if user != null },
    { for key, secret in { user = var.database.user_from } : key => { from = secret } if secret != null },
    { for key, groups in { security-groups = var.database.security_groups } : key => groups if groups != null },
  )

  # What is null is left out: the actions take an absent key for "not there", and refuse an empty one.
  contract = {
    for key, value in {
      schema           = 1
      version          = var.contract_version
      account          = data.aws_caller_identity.this.account_id
      region           = data.aws_region.this.region
      cluster          = var.cluster
      network          = local.network
      bucket           = var.bucket
      roles            = var.roles
      log-group        = var.log_group
      services         = local.services
      database         = local.database
      name-ttl-seconds = var.name_ttl_seconds
      efs              = var.efs
    } : key => value if value != null
  }
}

# Outside of the prefix that the deploy role may write: who deploys does not change what infrastructure offers.
resource "aws_s3_object" "contract" {
  bucket       = var.bucket.name
  key          = "contracts/${var.name}.json"
  content      = jsonencode(local.contract)
  content_type = "application/json"
}

# 4 KB would not hold a contract, so the parameter holds its address.
resource "aws_ssm_parameter" "contract" {
  name        = "/dagster/${var.name}/contract"
  description = "Address of the contract of the Dagster stack ${var.name}."
  type        = "String"
  value       = "s3://${aws_s3_object.contract.bucket}/${aws_s3_object.contract.key}"
}
