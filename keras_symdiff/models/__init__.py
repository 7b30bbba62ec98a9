"""The networks as functional graphs."""
