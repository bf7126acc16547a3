# The settings of `stint server`; secrets come by the environment.
listen       = "0.0.0.0:8420"
data_dir     = "/var/lib/stint"
evidence_dir = "/var/lib/stint/evidence"
secrets_dir  = "/etc/stint/secrets"
tls_cert     = "/etc/stint/tls.crt"
tls_key      = "/etc/stint/tls.key"
log_json     = true
