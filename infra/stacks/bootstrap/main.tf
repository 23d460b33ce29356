# OpenTofu locks a state by an object beside it (use_lockfile): no table is needed.
module "state" {
  source           = "../../modules/storage"
  bucket           = var.state_bucket
  compute_log_days = null
  noncurrent_days  = 365
  protected        = var.protected
}

module "registry" {
  source       = "../../modules/registry"
  repositories = var.repositories
}

resource "aws_iam_openid_connect_provider" "github" {
  for_each       = var.github_provider_arn == null ? { "https://token.actions.githubusercontent.com" = "sts.amazonaws.com" } : {}
  url            = each.key
  client_id_list = [each.value]
}
