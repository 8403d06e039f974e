"""Grafana's dashboards: what they show is written down here, their JSON is generated from it."""
