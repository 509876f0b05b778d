resource "aws_db_instance" "in_the_source" {
  engine   = "postgres"
  password = "correct-horse-battery"
}

variable "database_password" {
  sensitive = true
}
resource "aws_rds_cluster" "in_the_state" {
  engine          = "aurora-postgresql"
  master_password = var.database_password
}
