"""Kubernetes manifests, one module per workload type."""
