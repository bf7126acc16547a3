variable "longest" {
  description = "How long a grant may be at most."
  type        = string
  default     = "90m"

  validation {
    condition     = provider::stint::duration(var.longest).seconds <= provider::stint::duration("4h").seconds
    error_message = "No grant is longer than four hours."
  }
}

output "longest" {
  value = provider::stint::duration(var.longest).text # 1h30m
}
