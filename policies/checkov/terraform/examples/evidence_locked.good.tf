resource "aws_s3_bucket" "locked" {
  bucket              = "florin-evidence"
  object_lock_enabled = true
}

resource "aws_s3_bucket" "others" {
  bucket = "florin-pictures"
}
