"""The rules for claims over several numbers, one module for each kind of question."""
