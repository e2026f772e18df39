"""What the estimators share: validation, training, prediction, label enhancement."""
