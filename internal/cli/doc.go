// Package cli is the `stint` command line: it asks for access, decides on
// requests, shows what is held and what has drifted, verifies the evidence, and
// starts the server.
//
// Everything but verification talks to a server through package client; the
// server itself and the provider's schema are handed in by main as functions,
// so that the command line links neither. It promises tables for people, JSON
// for machines, errors on stderr only, and the exit codes of [ExitOK] and its
// siblings. It holds no policy: what is allowed is the server's to say.
package cli
