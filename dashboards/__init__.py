"""What people look at: the console, the Grafana dashboards and the Prometheus rules."""
