resource "aws_kms_key" "by_default" {
  enable_key_rotation = true
}

resource "aws_kms_key" "thirty_days" {
  deletion_window_in_days = 30
}
