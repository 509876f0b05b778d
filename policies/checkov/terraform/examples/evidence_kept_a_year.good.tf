resource "aws_s3_bucket_object_lock_configuration" "a_year" {
  bucket = "florin-evidence"
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = 365
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "seven_years" {
  bucket = "florin-evidence"
  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = 7
    }
  }
}
