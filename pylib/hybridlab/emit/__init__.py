"""From the resolved cluster to files in memory: pure, and only for clusters without errors."""
