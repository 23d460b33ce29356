provider "aws" {
  region = "eu-west-1"
}

variables {
  repositories = ["shop/host", "shop/code"]
}

run "never_moves_a_tag" {
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && one(repository.image_scanning_configuration).scan_on_push && !repository.force_delete])
    error_message = "a tag is a commit, for ever"
  }
  assert {
    condition     = toset(keys(output.repositories)) == toset(["shop/host", "shop/code"])
    error_message = "by their names"
  }
}

run "keeps_what_a_rollback_pulls" {
  assert {
    condition = alltrue(flatten([
      for policy in aws_ecr_lifecycle_policy.this : [for rule in jsondecode(policy.policy).rules : rule.selection.tagStatus == "untagged"]
    ]))
    error_message = "only what lost its tag expires"
  }
}

run "lets_a_cache_move" {
  variables {
    mutable_tags = ["cache-*"]
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION" && one(repository.image_tag_mutability_exclusion_filter).filter == "cache-*"])
    error_message = "nothing but the cache"
  }
}

run "refuses_to_let_everything_move" {
  command = plan
  variables {
    mutable_tags = ["*"]
  }
  expect_failures = [var.mutable_tags]
}
