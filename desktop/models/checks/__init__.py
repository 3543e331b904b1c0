"""What the doctor looks at; each module one side of the computer. None imports anything heavy when it is imported."""
