# Who reaches the database: Florin's pods. Whom the database reaches: nobody.
resource "aws_db_subnet_group" "florin" {
  name        = local.name
  description = "Private subnets of Florin's database"
  subnet_ids  = var.subnet_ids
  tags        = local.tags
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "Florin's database: PostgreSQL from Florin's pods, and nothing outward"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "postgresql" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = var.service_security_group_id
  description                  = "PostgreSQL from Florin's pods"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = local.tags
}
