output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket

  # Whoever writes the contract into it waits until it is closed to the world.
  depends_on = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "file_system" {
  description = "Id of the file system; null when there is none."
  value       = one([for file_system in aws_efs_file_system.this : file_system.id])
}
