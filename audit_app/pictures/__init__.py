"""What the overview shows: figures counted from the trail alone, and pictures drawn of them. No page here."""
