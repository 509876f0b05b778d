output "address" {
  description = "Where the database answers; the host of FLORIN_DATABASE_URL."
  value       = aws_db_instance.florin.address
}

output "resource_id" {
  description = "What an IAM policy for rds-db:connect names."
  value       = aws_db_instance.florin.resource_id
}

output "key_arn" {
  description = "The key that encrypts all that Florin stores."
  value       = aws_kms_key.florin.arn
}
