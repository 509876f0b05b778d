# One key for all that Florin stores: the data, its backups, its logs, its performance data and its master password.
resource "aws_kms_key" "florin" {
  description             = "Florin's data at rest (${var.environment})"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without this the key could never be managed again: access is then given by IAM in this account.
        Sid       = "AccountAdministersTheKey"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogsOfTheDatabase"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = local.log_groups }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "florin" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.florin.key_id
}
