resource "aws_db_instance" "kept" {
  engine                    = "postgres"
  skip_final_snapshot       = false
  final_snapshot_identifier = "florin-final"
}

resource "aws_rds_cluster" "kept_by_default" {
  engine                    = "aurora-postgresql"
  final_snapshot_identifier = "florin-final"
}
