"""Requests made of the OpenAPI document, good and bad ones, against a database to throw away."""
