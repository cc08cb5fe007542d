"""How a queued message leaves the house: worded, sent, or given up."""
