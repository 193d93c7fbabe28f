"""What a trial trains: the base model, its adapters, its parts over workers, and nats from windows."""
