resource "aws_kms_key" "a_week" {
  deletion_window_in_days = 7
}

variable "window" {}
resource "aws_kms_replica_key" "nobody_knows" {
  primary_key_arn         = "arn:aws:kms:eu-west-1:111122223333:key/1"
  deletion_window_in_days = var.window
}
