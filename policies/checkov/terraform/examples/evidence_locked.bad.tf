resource "aws_s3_bucket" "by_name" {
  bucket = "florin-evidence"
}

resource "aws_s3_bucket" "by_tag" {
  bucket              = "florin-archive"
  object_lock_enabled = false
  tags                = { purpose = "audit" }
}
