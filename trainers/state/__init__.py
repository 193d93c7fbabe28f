"""What a trial leaves on disk to go on from: checkpoints, whole or in parts, and the trunks of branches."""
