"""Several machines: PostgreSQL and RabbitMQ. Run by `make test-cluster` and -slow."""
