resource "aws_security_group" "this" {
  name                   = "${var.name}-database"
  description            = "Database of ${var.name}"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = var.clients
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = "PostgreSQL from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_egress_rule" "clients" {
  for_each                     = var.clients
  security_group_id            = each.value
  referenced_security_group_id = aws_security_group.this.id
  description                  = "PostgreSQL"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres${split(".", var.engine_version)[0]}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The password is made once, goes into the secret without ever standing in the state, and is read back from there, so that secret and
# instance have the same one even when an apply is cut between the two. It is not the one that RDS manages: that rotates every week,
# ECS gives a task its secrets at its start only, and Dagster would lose its database without anybody having changed anything.
ephemeral "aws_secretsmanager_random_password" "this" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "${var.name}/database"
  description             = "User and password of the database of ${var.name}."
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    username = var.username
    password = ephemeral.aws_secretsmanager_random_password.this.random_password
  })
}

ephemeral "aws_secretsmanager_secret_version" "this" {
  secret_id = aws_secretsmanager_secret_version.this.secret_id
}

resource "aws_db_instance" "this" {
  identifier           = var.name
  engine               = "postgres"
  engine_version       = var.engine_version
  instance_class       = var.instance_class
  db_name              = var.database
  username             = var.username
  password_wo          = jsondecode(ephemeral.aws_secretsmanager_secret_version.this.secret_string).password
  password_wo_version  = var.password_version
  port                 = 5432
  parameter_group_name = aws_db_parameter_group.this.name

  allocated_storage     = var.storage_gb
  max_allocated_storage = var.storage_gb * 5
  storage_type          = "gp3"
  storage_encrypted     = true

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false

  backup_retention_period  = var.backup_days
  copy_tags_to_snapshot    = true
  delete_automated_backups = false
  deletion_protection      = var.protected
  skip_final_snapshot      = false
  # A stack that is made again is another one: the last snapshot of the one before still has its name.
  final_snapshot_identifier       = "${var.name}-last-${trimprefix(aws_security_group.this.id, "sg-")}"
  auto_minor_version_upgrade      = true
  allow_major_version_upgrade     = false
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  lifecycle {
    prevent_destroy = var.protected
  }
}
