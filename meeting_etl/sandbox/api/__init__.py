"""The REST API of the sandbox, endpoint by endpoint."""
