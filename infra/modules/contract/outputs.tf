output "contract" {
  description = "The contract, as the actions read it; also good as `contract:` of a stack file."
  value       = local.contract
}

output "reference" {
  description = "What `contract:` in dagster-stack.yml says."
  value       = "ssm:${aws_ssm_parameter.contract.name}"
}

output "parameter" {
  description = "Name of the parameter that holds the contract's address."
  value       = aws_ssm_parameter.contract.name
}

output "object" {
  description = "Bucket and key of the contract."
  value = {
    bucket = aws_s3_object.contract.bucket
    key    = aws_s3_object.contract.key
  }
}
