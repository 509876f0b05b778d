resource "aws_db_instance" "gone" {
  engine              = "postgres"
  skip_final_snapshot = true
}

variable "environment" {}
resource "aws_rds_cluster" "nobody_knows" {
  engine              = "aurora-postgresql"
  skip_final_snapshot = var.environment
}
