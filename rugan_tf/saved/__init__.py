"""What a trained model leaves on disk: version folders, descriptions, signatures."""
