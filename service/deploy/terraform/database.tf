# PostgreSQL for money: two zones, encrypted, TLS only, every statement that changes data logged, not deletable by accident.
resource "aws_db_parameter_group" "florin" {
  name        = "${local.name}-postgresql18"
  family      = "postgres18"
  description = "TLS only; statements that write, and slow ones, are logged"
  tags        = local.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # Values of parameters are kept out of the log: money is not log material.
  parameter {
    name  = "log_parameter_max_length"
    value = "0"
  }

  parameter {
    name  = "log_statement"
    value = "mod"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "log_connections"
    value = "1"
  }

  parameter {
    name  = "log_disconnections"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "florin" {
  identifier     = local.name
  engine         = "postgres"
  engine_version = "18"
  instance_class = var.instance_class
  db_name        = "florin"
  username       = "florin_owner"
  port           = 5432

  # RDS makes the master password and rotates it; nobody types it, and it is in no state file.
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = aws_kms_key.florin.arn
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.storage_limit_gib
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.florin.arn

  multi_az               = true
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.florin.name
  vpc_security_group_ids = [aws_security_group.database.id]
  parameter_group_name   = aws_db_parameter_group.florin.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period    = 35
  backup_window              = "02:00-02:30"
  maintenance_window         = "sun:03:00-sun:04:00"
  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
  deletion_protection        = true
  skip_final_snapshot        = false
  final_snapshot_identifier  = "${local.name}-final"

  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  monitoring_interval                   = 30
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.florin.arn
  performance_insights_retention_period = 31

  tags = local.tags

  # RDS would make the groups itself, without our key and without an end.
  depends_on = [aws_cloudwatch_log_group.database]
}
