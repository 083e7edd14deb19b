"""Access reviews: campaigns, rows, decisions, evidence. What is reviewed is handed down; nothing here changes access."""
