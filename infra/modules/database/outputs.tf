output "database" {
  description = "What the contract says of the database."
  value = {
    host            = aws_db_instance.this.address
    port            = 5432
    name            = aws_db_instance.this.db_name
    user            = tostring(null)
    user_from       = "secret:${aws_secretsmanager_secret.this.name}#username"
    password        = "secret:${aws_secretsmanager_secret.this.name}#password"
    security_groups = tolist([aws_security_group.this.id])
  }

  # A contract that names it is written when the password is there.
  depends_on = [aws_secretsmanager_secret_version.this]
}

output "secret" {
  description = "Name of the secret, which the execution role must be allowed to read."
  value       = aws_secretsmanager_secret.this.name
}

output "identifier" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}
