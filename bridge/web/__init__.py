"""What the bridge answers over HTTP."""
