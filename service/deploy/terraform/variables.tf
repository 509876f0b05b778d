variable "environment" {
  description = "The environment as mintmark.toml names it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.environment))
    error_message = "An environment's name is lower case letters, digits and hyphens."
  }
}

variable "vpc_id" {
  description = "The VPC of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets for the database, in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A database in several zones needs two subnets or more."
  }
}

variable "service_security_group_id" {
  description = "The security group of Florin's pods: the only one that reaches the database."
  type        = string
}

variable "instance_class" {
  description = "The size of the database."
  type        = string
  default     = "db.m7g.large"
}

variable "storage_gib" {
  description = "Storage at the start, in GiB."
  type        = number
  default     = 100
}

variable "storage_limit_gib" {
  description = "Where storage stops growing by itself, in GiB."
  type        = number
  default     = 1000
}
