"""The search: Optuna proposes and prunes behind ask and tell; this room alone opens the study."""
