"""What must hold in every cluster, one file per concern; `registry` lists all rules."""
