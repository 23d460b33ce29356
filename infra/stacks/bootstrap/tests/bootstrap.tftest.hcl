provider "aws" {
  region = "eu-west-1"
}

variables {
  state_bucket = "example-states"
  repositories = ["shop/host", "shop/code"]
  protected    = false
}

run "locks_states_without_a_table" {
  assert {
    condition     = output.backend == { bucket = "example-states", use_lockfile = true, encrypt = true }
    error_message = "by an object beside the state"
  }
}

run "makes_what_github_signs_in_by" {
  assert {
    condition     = [for provider in aws_iam_openid_connect_provider.github : provider.url] == ["https://token.actions.githubusercontent.com"] && alltrue([for provider in aws_iam_openid_connect_provider.github : provider.client_id_list == toset(["sts.amazonaws.com"])])
    error_message = "for AWS"
  }
  assert {
    condition     = length(output.repositories) == 2
    error_message = "the registries of all stacks"
  }
}

run "takes_the_provider_that_there_is" {
  variables {
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && output.github_provider_arn == var.github_provider_arn
    error_message = "an account has one"
  }
}
