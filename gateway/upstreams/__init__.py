"""The code that speaks to deployments."""
