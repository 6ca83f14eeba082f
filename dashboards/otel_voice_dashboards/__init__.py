"""What Grafana asks of the processor's metrics."""
