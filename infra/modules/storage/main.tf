resource "aws_s3_bucket" "this" {
  bucket        = var.bucket
  force_destroy = false

  lifecycle {
    prevent_destroy = var.protected
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Journal, contracts and bundles are never expired: a rollback asks for them.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  dynamic "rule" {
    for_each = var.compute_log_days == null ? [] : [var.compute_log_days]

    content {
      id     = "compute-logs"
      status = "Enabled"

      filter {
        prefix = "compute-logs/"
      }

      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_efs_file_system" "this" {
  for_each       = var.file_system == null ? {} : { (var.file_system.name) = var.file_system }
  creation_token = each.key
  encrypted      = true
  tags           = { Name = each.key }

  lifecycle {
    prevent_destroy = var.protected
  }
}

resource "aws_efs_backup_policy" "this" {
  for_each       = aws_efs_file_system.this
  file_system_id = each.value.id

  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_security_group" "files" {
  for_each    = var.file_system == null ? {} : { (var.file_system.name) = var.file_system }
  name        = "${each.key}-files"
  description = "File system of ${each.key}"
  vpc_id      = each.value.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "files" {
  for_each                     = aws_security_group.files
  security_group_id            = each.value.id
  referenced_security_group_id = var.file_system.task_group
  description                  = "NFS from the tasks"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_vpc_security_group_egress_rule" "files" {
  for_each                     = aws_security_group.files
  security_group_id            = var.file_system.task_group
  referenced_security_group_id = each.value.id
  description                  = "NFS to the file system"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_efs_mount_target" "this" {
  for_each        = var.file_system == null ? {} : var.file_system.subnets
  file_system_id  = aws_efs_file_system.this[var.file_system.name].id
  subnet_id       = each.value
  security_groups = [aws_security_group.files[var.file_system.name].id]
}
