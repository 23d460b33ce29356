provider "aws" {
  region = "eu-west-1"
}

variables {
  bucket    = "shop-dagster"
  protected = false
}

run "is_closed_to_the_world" {
  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "nothing public, by any way"
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "no access lists"
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0] == { Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::shop-dagster", "arn:aws:s3:::shop-dagster/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }
    error_message = "TLS only"
  }
}

run "loses_nothing" {
  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "what is overwritten can be had back"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "encrypted"
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.expiration) == 0 || one(rule.filter).prefix == "compute-logs/"
    ])
    error_message = "only compute logs expire: journal and bundles are what a rollback asks for"
  }
}

run "has_no_file_system_unless_asked" {
  assert {
    condition     = output.file_system == null && length(aws_security_group.files) == 0
    error_message = "none"
  }
}

run "makes_a_file_system" {
  variables {
    file_system = { name = "shop", vpc_id = "vpc-1", subnets = { a = "subnet-1a", b = "subnet-1b" }, task_group = "sg-tasks" }
  }

  assert {
    condition     = startswith(output.file_system, "fs-") && aws_efs_file_system.this["shop"].encrypted && length(aws_efs_mount_target.this) == 2
    error_message = "encrypted, in each zone"
  }
  assert {
    condition     = one([for rule in aws_vpc_security_group_ingress_rule.files : rule.referenced_security_group_id == "sg-tasks" && rule.from_port == 2049 && rule.to_port == 2049])
    error_message = "for the tasks alone"
  }
  assert {
    condition     = one(aws_efs_backup_policy.this["shop"].backup_policy).status == "ENABLED"
    error_message = "backed up"
  }
}
