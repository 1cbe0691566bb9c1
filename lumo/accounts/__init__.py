"""OfficialAccount, the LINE account that a shop speaks as, and Friend, a LINE user who added it."""
