terraform import stint_identity.alice alice
