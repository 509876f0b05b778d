resource "aws_db_instance" "managed" {
  engine                      = "postgres"
  manage_master_user_password = true
}

resource "aws_rds_cluster" "managed" {
  engine                      = "aurora-postgresql"
  manage_master_user_password = true
}
