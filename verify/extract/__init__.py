"""From a document to a claim file to edit: what is printed, where, and guesses marked as such."""
