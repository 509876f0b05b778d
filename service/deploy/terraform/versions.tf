# Florin's database on AWS. State, account and region are the caller's.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  name       = "florin-${var.environment}"
  account    = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.region
  partition  = data.aws_partition.this.partition
  log_groups = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/rds/instance/${local.name}/*"

  tags = {
    service     = "florin"
    environment = var.environment
  }
}
