"""What a drill changes to make a release of other content."""

WORD = "first"
