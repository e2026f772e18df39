"""How training runs: the only folder that imports skorch."""
