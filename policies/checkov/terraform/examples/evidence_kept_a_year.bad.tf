resource "aws_s3_bucket_object_lock_configuration" "lifted_by_an_administrator" {
  bucket = "florin-evidence"
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 400
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "a_quarter" {
  bucket = "florin-evidence"
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = 90
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "no_rule" {
  bucket = "florin-evidence"
}
